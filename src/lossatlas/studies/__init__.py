"""Training methods, a LightningModule each (a configuration calls them studies), and their callbacks."""

from lossatlas.callbacks.best_weights import BestWeights
from lossatlas.callbacks.push_from_checkpoints import PushFromCheckpoints
from lossatlas.callbacks.survey_at_epochs import SurveyAtEpochs
from lossatlas.optim import Schedule
from lossatlas.studies.classifier import Classifier
from lossatlas.studies.curve import Curve
from lossatlas.studies.curve_objectives import ArcLength, CurveObjective, UniformPosition
from lossatlas.studies.distance_kernel import DistanceKernel
from lossatlas.studies.elastic_band.relaxation import ElasticBand
from lossatlas.studies.fge import FastGeometricEnsemble
from lossatlas.studies.label_smoothing import OtherClassSmoothing
from lossatlas.studies.metrics import CalibrationError, ErrorRate, NegativeLogLikelihood
from lossatlas.studies.snapshot import CheckpointEnsemble, SnapshotEnsemble
from lossatlas.studies.squared_error import SquaredError
from lossatlas.studies.study import NonFiniteLossError, Study, network_of, splits_of
from lossatlas.studies.swa import AveragedClassifier
from lossatlas.studies.trained_network import TrainedNetwork
from lossatlas.studies.triangle import Triangle

__all__ = [
    "ArcLength",
    "AveragedClassifier",
    "BestWeights",
    "CalibrationError",
    "CheckpointEnsemble",
    "Classifier",
    "Curve",
    "CurveObjective",
    "DistanceKernel",
    "ElasticBand",
    "ErrorRate",
    "FastGeometricEnsemble",
    "NegativeLogLikelihood",
    "NonFiniteLossError",
    "OtherClassSmoothing",
    "PushFromCheckpoints",
    "Schedule",
    "SnapshotEnsemble",
    "SquaredError",
    "Study",
    "SurveyAtEpochs",
    "TrainedNetwork",
    "Triangle",
    "UniformPosition",
    "network_of",
    "splits_of",
]
