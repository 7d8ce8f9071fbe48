"""Run the models of a zoo: in this process, in worker processes, or on a Ray cluster."""
