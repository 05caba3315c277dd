"""Knowledge of media formats, without I/O: values in, values out."""
