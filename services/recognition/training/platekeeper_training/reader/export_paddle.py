"""Our reader as a folder that paddleocr runs: `python -m platekeeper_training.reader.export_paddle --out FOLDER`.

Paddleocr decodes like CTC: it takes the best class of each step, drops repetitions and blanks, and calls the mean of
what is left the score. So the graph of `reader.onnx` is led on: each place of the serial becomes a step, with a blank
step after it; what stands there is decided in the graph as our own engine decides it, and each character carries the
calibrated confidence of the whole text, which is its own mean. Regions are not told: that format has no place for them.
Only `onnx` and numpy are needed.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import ModelProto, TensorProto, helper, numpy_helper

MODEL_NAME = "en_PP-OCRv5_mobile_rec"
"""A name that paddleocr knows: it chooses how a model is fed and decoded."""
READER = Path(__file__).parents[3] / "platekeeper_recognition" / "models" / "reader.onnx"
_CHANNELS, _HEIGHT, _WIDTH = 3, 48, 144
_SURE = 1e-6
"""The least that the class of a step is given, so that it stays the best."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", type=Path, default=READER, help="reader.onnx; the committed one if left out")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    options = parser.parse_args()
    export(options.reader, options.out)
    print(options.out)


def export(reader: Path, out: Path) -> None:
    """Write `inference.onnx` and `inference.yml` into the folder."""
    model = onnx.load(reader)
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(led_on(model, told["temperature"], told["calibration"]), out / "inference.onnx")
    (out / "inference.yml").write_text(json.dumps(_configuration(told["alphabet"]), indent=1) + "\n")  # JSON is YAML


def led_on(model: ModelProto, temperature: float, calibration: list[list[float]]) -> ModelProto:
    """The reader from paddleocr's input (batch, 3, height, width), -1..1, to its steps x (blank, alphabet, space)."""
    known = onnx.shape_inference.infer_shapes(model)
    characters = next(output for output in known.graph.output if output.name == "characters")
    places, classes = (size.dim_value for size in characters.type.tensor_type.shape.dim[1:])
    graph = _Graph(places, classes)
    graph.feed()
    sure = graph.add("Softmax", [graph.add("Div", ["characters", graph.number(temperature)])], axis=2)
    chosen, alive, best = graph.decide(sure)
    graph.tell(chosen, alive, graph.calibrate(best, calibration))
    crops = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", _CHANNELS, _HEIGHT, _WIDTH])
    steps = helper.make_tensor_value_info("steps", TensorProto.FLOAT, ["batch", 2 * places, classes + 1])
    whole = helper.make_graph(
        [*graph.before, *model.graph.node, *graph.after],
        "platekeeper-reader-for-paddleocr",
        [crops],
        [steps],
        [*model.graph.initializer, *graph.constants],
    )
    made = helper.make_model(whole, opset_imports=model.opset_import, ir_version=model.ir_version)
    made.metadata_props.extend(model.metadata_props)
    onnx.checker.check_model(made)
    return made


class _Graph:
    """The nodes before and after the reader's own."""

    def __init__(self, places: int, classes: int) -> None:
        self.before: list[onnx.NodeProto] = []
        self.after: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []
        self._places, self._classes = places, classes

    def number(self, value: ArrayLike, kind: type[np.generic] = np.float32) -> str:
        name = f"paddle_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def add(self, kind: str, inputs: list[str], **how: int) -> str:
        name = f"paddle_{len(self.after)}"
        self.after.append(helper.make_node(kind, inputs, [name], **how))
        return name

    def feed(self) -> None:
        """From -1..1 back to 0..255, as our reader is fed."""
        half = self.number(127.5)
        self.before.append(helper.make_node("Mul", ["x", half], ["paddle_raised"]))
        self.before.append(helper.make_node("Add", ["paddle_raised", half], ["crops"]))

    def decide(self, sure: str) -> tuple[str, str, str]:
        """The class of each place, whether the text reaches it, and the probability of the most probable text.

        From the last place back: a character is worth its probability times the best that can follow, END its own.
        """
        rows, last = [], self._classes - 1
        follow = self.number(np.ones((1, 1, 1)))
        for place in reversed(range(self._places)):
            row = self._cut(sure, place, place + 1, axis=1)
            worth = self.add("Mul", [self._cut(row, 0, last, axis=2), follow])
            rows.append(self.add("Concat", [worth, self._cut(row, last, last + 1, axis=2)], axis=2))
            follow = self.add("ReduceMax", [rows[-1]], axes=[2], keepdims=1)
        reach = self.add("Concat", rows[::-1], axis=1)
        classes = self.add("ArgMax", [reach], axis=2, keepdims=0)
        ended = self._float(self.add("Equal", [classes, self.number(last, np.int64)]))
        ends = self.add("CumSum", [ended, self.number(1, np.int64)])
        alive = self.add("Less", [ends, self.number(0.5)])
        return classes, alive, follow

    def calibrate(self, best: str, points: list[list[float]]) -> str:
        """The piecewise line through the points: each stretch adds its slope times how far one has come along it."""
        xs, ys = np.array([[0.0, 0.0], *(point for point in points if point[0] > 0)]).T
        if len(xs) == 1:
            return best
        come = self.add("Sub", [best, self.number(xs[:-1])])
        come = self.add("Min", [self.add("Relu", [come]), self.number(np.diff(xs))])
        line = self.add("Mul", [come, self.number(np.diff(ys) / np.diff(xs))])
        total = self.add("ReduceSum", [line, self.number([2], np.int64)], keepdims=1)
        return self.add("Max", [total, self.number(_SURE)])

    def tell(self, classes: str, alive: str, confidence: str) -> None:
        """Characters as classes from 1 with the text's confidence; END, what follows and each second step blank."""
        shifted = self.add("Add", [classes, self.number(1, np.int64)])
        column = self.add("Where", [alive, shifted, self.number(0, np.int64)])
        off_and_on = self.number([0.0, 1.0])
        hot = self.add("OneHot", [column, self.number(self._classes + 1, np.int64), off_and_on], axis=2)
        told = self.add("Mul", [hot, confidence])
        blank = np.eye(1, self._classes + 1)[np.newaxis]
        blanks = self.add("Add", [self.add("Mul", [hot, self.number(0.0)]), self.number(blank)])
        by_place = [self.add("Unsqueeze", [each, self.number([2], np.int64)]) for each in (told, blanks)]
        pairs = self.add("Concat", by_place, axis=2)
        shape = self.number([0, 2 * self._places, self._classes + 1], np.int64)
        self.after.append(helper.make_node("Reshape", [pairs, shape], ["steps"]))

    def _cut(self, of: str, start: int, end: int, *, axis: int) -> str:
        bounds = [self.number([value], np.int64) for value in (start, end, axis)]
        return self.add("Slice", [of, *bounds])

    def _float(self, of: str) -> str:
        return self.add("Cast", [of], to=TensorProto.FLOAT)


def _configuration(alphabet: str) -> dict[str, object]:
    return {
        "Global": {"model_name": MODEL_NAME},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [_CHANNELS, _HEIGHT, _WIDTH]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(alphabet)},
    }


if __name__ == "__main__":
    main()
