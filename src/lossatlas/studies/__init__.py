"""Studies: the LightningModules that train networks, and their callbacks."""

from lossatlas.studies.classifier import Classifier
from lossatlas.studies.metrics import CalibrationError, ErrorRate, NegativeLogLikelihood
from lossatlas.studies.study import NonFiniteLossError, Schedule, Study, TrainingBatches
from lossatlas.studies.surveying import SurveyAtEpochs
from lossatlas.studies.trained import TrainedNetwork

__all__ = [
    "CalibrationError",
    "Classifier",
    "ErrorRate",
    "NegativeLogLikelihood",
    "NonFiniteLossError",
    "Schedule",
    "Study",
    "SurveyAtEpochs",
    "TrainedNetwork",
    "TrainingBatches",
]
