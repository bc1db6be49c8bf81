"""Costs in words, from the plain containers that files hold. Imports next to nothing: a listing comes at once."""

from collections.abc import Mapping
from typing import Any

from lossatlas.words import counted

Record = Mapping[str, Any]


def measured_sentence(record: Record) -> str:
    """What a reproduction took, from the record of its `Measured`.

    >>> record = {"seconds": 293.4, "processor_seconds": 551.0, "cells": 40, "trained": 40, "surveyed": 40}
    >>> measured_sentence({**record, "cores": 2, "processor": "AMD EPYC"})
    '9 min 11 s of processor time (AMD EPYC), 4 min 53 s on 2 cores'
    >>> measured_sentence({**record, "trained": 10, "cores": 2, "processor": ""})
    '9 min 11 s of processor time, 4 min 53 s on 2 cores, with 10 of 40 networks trained, the others found in the store'
    """
    processor = f" ({record['processor']})" if record["processor"] else ""
    found = record["cells"] - record["trained"]
    rest = f", with {record['trained']} of {record['cells']} networks trained, the others found in the store"
    return (
        f"{duration(record['processor_seconds'])} of processor time{processor}, "
        f"{duration(record['seconds'])} on {counted(record['cores'], 'core')}{rest if found else ''}"
    )


def estimated_sentence(record: Record) -> str:
    """What an experiment is estimated to take, from the record of its `Estimate`.

    >>> throughput = {"tflops": 10.0, "source": "half of what it says on the tin"}
    >>> estimated_sentence({"gpu_hours": 108.2, "tflop": 3895200.0, "throughput": throughput})
    'about 110 GPU hours: 3.9e18 operations at 10 TFLOP/s (half of what it says on the tin)'
    """
    throughput, operations = record["throughput"], f"{record['tflop'] * 1e12:.1e}".replace("e+", "e")
    return (
        f"about {gpu_hours(record)}: {operations} operations at "
        f"{throughput['tflops']:g} TFLOP/s ({throughput['source']})"
    )


def gpu_hours(record: Record) -> str:
    """GPU hours of an estimate to two digits: it is no more exact than its throughput.

    >>> gpu_hours({"gpu_hours": 1234.0}), gpu_hours({"gpu_hours": 0.123}), gpu_hours({"gpu_hours": 1.02})
    ('1,200 GPU hours', '0.12 GPU hours', '1 GPU hour')
    """
    return counted(float(format(record["gpu_hours"], ".2g")), "GPU hour")


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, in the two largest units that are needed.

    >>> duration(12.3), duration(293.4), duration(7260)
    ('12 s', '4 min 53 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
