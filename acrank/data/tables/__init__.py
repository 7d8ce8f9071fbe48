"""Tables of paths and labels: their columns, the files they lead to, and the rows to train on."""
