"""Keras `fit` as a contestant, for nets without batch normalization. The images are float32 in memory, as is usual with Keras."""

import numpy as np

from contestant import serve
from setting import Setting


def keras_contestant(setting: Setting) -> None:
    import keras
    import tensorflow

    model = keras.Sequential([keras.Input(setting.net["input"])])
    for layer in setting.net["layers"]:
        name = layer["name"]
        match layer["kind"]:
            case "normalization":
                prepared = _prepared(setting, layer["mean"], layer["deviation"])
            case "convolution":
                model.add(keras.layers.Conv2D(layer["filters"], layer["kernel"], padding=layer["padding"], name=name))
            case "activation":
                model.add(keras.layers.Activation(layer["function"], name=name))
            case "max-pooling":
                model.add(keras.layers.MaxPooling2D(layer["size"], padding=layer["padding"], name=name))
            case "dropout":
                model.add(keras.layers.Dropout(layer["rate"], name=name))
            case "flatten":
                model.add(keras.layers.Flatten(name=name))
            case "dense":
                model.add(keras.layers.Dense(layer["units"], name=name))
            case kind:
                raise ValueError(f"The Keras contestant does not support layers of kind {kind}.")
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([setting.weights[f"{layer.name}/{role}"] for role in ("kernel", "bias")])
    (group,) = setting.groups
    model.compile(
        optimizer=keras.optimizers.SGD(group.learning_rate, momentum=group.momentum, nesterov=group.nesterov),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=setting.label_smoothing),
    )
    targets = keras.utils.to_categorical(setting.labels, setting.net["classes"])

    def fit(images: int, epochs: int = 1) -> list[float]:
        history = model.fit(
            prepared[:images], targets[:images], batch_size=setting.batch_size, epochs=epochs, verbose=0
        )
        return history.history["loss"]

    version = f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}, oneDNN"
    losses = fit(setting.batch_size, epochs=3)
    serve("Keras fit", version, lambda steps: fit(steps * setting.batch_size), losses)


def _prepared(setting: Setting, mean: list[float], deviation: list[float]) -> np.ndarray:
    return ((setting.images.astype(np.float32) / 255 - mean) / deviation).astype(np.float32)
