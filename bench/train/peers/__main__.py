"""Runs Keras or PyTorch as a contestant.

Arguments: `keras`, `pytorch-eager`, `pytorch-autocast`, `pytorch-compiled` or `pytorch-compiled-autocast`, and a settings file;
or `gemm` and a precision. contestant.ts describes the protocol.
"""

import os
import sys

# Must be set before TensorFlow is imported.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"


def main() -> None:
    contestant, argument = sys.argv[1:]
    if contestant == "gemm":
        from gemm import gemm_contestant

        gemm_contestant(argument)
        return
    from setting import read_setting

    setting = read_setting(argument)
    if contestant == "keras":
        from keras_fit import keras_contestant

        keras_contestant(setting)
    else:
        from pytorch import pytorch_contestant

        pytorch_contestant(setting, contestant.removeprefix("pytorch-"))


if __name__ == "__main__":
    main()
