"""A function mapped over points: resumable from its journal, shared by several processes to the same bits."""
