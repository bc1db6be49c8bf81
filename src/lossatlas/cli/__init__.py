"""The commands: thin, each a Hydra app or a reader of the store."""

COMMANDS = {
    "train": "train a run or a sweep of runs, and survey the loss around it",
    "reproduce": "train, survey, draw and judge: one figure of a paper, with a verdict",
    "landscape": "survey a run that is there, or a network of your own",
    "runs": "list, check and prune the run store",
    "compare": "what differs between runs, sweeps, experiments or stores",
    "atlas": "a site to browse: experiments, runs, surfaces to turn, handbook and API",
    "dashboard": "an experiment's workspace and report in W&B",
    "export": "landscapes as HDF5 for the scripts of Li et al., VTK for ParaView, or CSV",
}
"""What each command is for. The module of the same name holds its ``main``."""
