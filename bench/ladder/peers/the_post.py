"""Trains the blog post's net by Keras's `fit`, as the post did: SGD of 0.01 with momentum, batches of 64, images divided by 255.

Arguments: the files of the training and the test images, epochs, a seed. Prints a line of JSON for each epoch and one at the end. The learning
rate is constant, so the test images are read after each of the epochs: nothing is chosen by them.
"""

import json
import os
import sys
import time

# Must be set before TensorFlow is imported.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402

from images import read_split  # noqa: E402

HELD_OUT = 10_000


def net() -> keras.Sequential:
    """The net that `training/nets/seed.ts` describes."""
    made = keras.Sequential([keras.Input((32, 32, 3))])
    for filters, rate in ((32, 0.3), (64, 0.3), (128, 0.4)):
        made.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        made.add(keras.layers.MaxPooling2D(2))
        made.add(keras.layers.Dropout(rate))
    made.add(keras.layers.Flatten())
    made.add(keras.layers.Dense(80, activation="relu"))
    made.add(keras.layers.Dropout(0.3))
    made.add(keras.layers.Dense(10))
    made.compile(
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return made


def main() -> None:
    train_file, test_file, epochs, seed = sys.argv[1:]
    keras.utils.set_random_seed(int(seed))
    (images, labels), (test_images, test_labels) = (
        (pixels.astype(np.float32) / 255, classes) for pixels, classes in map(read_split, (train_file, test_file))
    )
    images, labels = images[:-HELD_OUT], labels[:-HELD_OUT]
    model = net()
    seconds = 0.0
    for epoch in range(1, int(epochs) + 1):
        began = time.perf_counter()
        model.fit(images, labels, batch_size=64, verbose=0)
        seconds += time.perf_counter() - began
        _, accuracy = model.evaluate(test_images, test_labels, batch_size=500, verbose=0)
        print(json.dumps({"epoch": epoch, "seconds": seconds, "plain": accuracy}), flush=True)
    print(json.dumps({"version": f"Keras {keras.__version__}", "seconds": seconds, "plain": accuracy}), flush=True)


if __name__ == "__main__":
    main()
