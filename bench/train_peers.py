"""Keras and PyTorch as contestants: the network that a JSON file describes, trained as their users do.

Arguments: `keras` or `pytorch`, the network, the training split (labels, then pixels [N, 32, 32, 3]), and how many images
it has. See contestant.ts for what is read and printed.
"""

import json
import os
import sys
import time

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np

BATCH = 64


def data(path: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The post's preparation: float32 in [0, 1]."""
    content = np.fromfile(path, dtype=np.uint8)
    labels = content[:count].astype(np.int64)
    images = content[count:].reshape(count, 32, 32, 3).astype(np.float32) / 255
    return images, labels


def keras_contestant(net: dict, images: np.ndarray, labels: np.ndarray):
    import keras
    import tensorflow

    layers = [keras.Input(net["input"])]
    for layer in net["layers"]:
        match layer["kind"]:
            case "convolution":
                layers.append(keras.layers.Conv2D(layer["filters"], layer["kernel"], padding=layer["padding"]))
            case "activation":
                layers.append(keras.layers.Activation(layer["function"]))
            case "max-pooling":
                layers.append(keras.layers.MaxPooling2D(layer["size"], padding=layer["padding"]))
            case "dropout":
                layers.append(keras.layers.Dropout(layer["rate"]))
            case "flatten":
                layers.append(keras.layers.Flatten())
            case "dense":
                layers.append(keras.layers.Dense(layer["units"]))
    model = keras.Sequential(layers)
    model.compile(
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    targets = keras.utils.to_categorical(labels, net["classes"])

    def train(steps: int) -> None:
        count = steps * BATCH
        model.fit(images[:count], targets[:count], batch_size=BATCH, epochs=1, verbose=0)

    return "Keras fit", f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}, oneDNN", train


def pytorch_contestant(net: dict, images: np.ndarray, labels: np.ndarray):
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)
    layers: list[nn.Module] = []
    height, _, channels = net["input"]
    for layer in net["layers"]:
        match layer["kind"]:
            case "convolution":
                layers.append(nn.Conv2d(channels, layer["filters"], layer["kernel"], padding=layer["padding"]))
                channels = layer["filters"]
            case "activation":
                layers.append({"relu": nn.ReLU, "elu": nn.ELU}[layer["function"]]())
            case "max-pooling":
                layers.append(nn.MaxPool2d(layer["size"]))
                height //= layer["size"]
            case "dropout":
                layers.append(nn.Dropout(layer["rate"]))
            case "flatten":
                layers.append(nn.Flatten())
                channels *= height * height
            case "dense":
                layers.append(nn.Linear(channels, layer["units"]))
                channels = layer["units"]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels)

    def train(steps: int) -> None:
        order = torch.randperm(steps * BATCH)
        for step in range(steps):
            batch = order[step * BATCH : (step + 1) * BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(inputs[batch].contiguous(memory_format=torch.channels_last)), targets[batch])
            loss.backward()
            optimizer.step()
            loss.item()

    return "PyTorch, channels_last", f"PyTorch {torch.__version__}", train


def main() -> None:
    contestant, net_path, data_path, count = sys.argv[1:]
    with open(net_path, encoding="utf-8") as file:
        net = json.load(file)
    images, labels = data(data_path, int(count))
    name, version, train = {"keras": keras_contestant, "pytorch": pytorch_contestant}[contestant](net, images, labels)
    print(json.dumps({"name": name, "version": version}), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        train(int(line))
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
