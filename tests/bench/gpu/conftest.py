"""A pretended GPU: tensors of the CPU that say they lie on a GPU, and raise where those of a GPU would."""

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")
PLAIN = torch._C.DisableTorchFunctionSubclass
MIXED = {Tensor.copy_, Tensor.__getitem__, Tensor.__setitem__, torch._has_compatible_shallow_copy_type}
ACCESSORS = {"__get__", "__set__"}  # of attributes such as ``grad`` and ``data``
SettableGenerator = torch.Generator
STEP = 1e-3  # step of a difference


def is_gpu(device):
    return device is not None and torch.device(device).type == "cuda"


class Pretended(Tensor):
    """A tensor that pretends to lie on a GPU."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return pretend(function, args, dict(kwargs or {}))


class PretendedGenerator(SettableGenerator):
    def __new__(cls, device="cpu"):
        generator = super().__new__(cls, "cpu")
        generator.pretended = torch.device(device)
        return generator

    @property
    def device(self):
        return self.pretended


class PretendedGpu(TorchFunctionMode):
    """Takes part in every call of torch, since ``torch.zeros(2, device="cuda")`` has no tensor to ask."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        mentioned = [*args[1:], kwargs.get("device")] if function is Tensor.to else [kwargs.get("device")]
        named = any(isinstance(one, (str, torch.device)) and is_gpu(one) for one in mentioned)
        like = function is Tensor.to and any(isinstance(one, Pretended) for one in args[1:])
        if named or like or any(issubclass(one, Pretended) for one in types):
            return pretend(function, args, kwargs)
        return function(*args, **kwargs)


def pretend(function, args, kwargs):
    """Call a function of torch, after checks that all tensors are on one device."""
    special = {
        Tensor.device.__get__: lambda one: GPU,
        Tensor.is_cuda.__get__: lambda one: True,
        Tensor.cpu: lambda one: moved(one, False),
        Tensor.to: to,
        Tensor.__deepcopy__: deepcopy,
    }
    if function in special:
        return special[function](*args, **kwargs)
    if function in (Tensor.numpy, Tensor.__array__):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")
    tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
    with PLAIN():
        inside = [one for one in tensors if isinstance(one, Pretended)]
        outside = [one for one in tensors if not isinstance(one, Pretended) and one.dim() > 0]
    name = function.__name__
    if inside and outside and function not in MIXED and name not in ACCESSORS:
        raise RuntimeError(f"{name}: expected all tensors to be on the same device")
    makes = "device" in kwargs and kwargs["device"] is not None
    result_inside = is_gpu(kwargs["device"]) if makes else bool(inside)
    if makes:
        kwargs["device"] = "cpu"
    if function is Tensor.__getitem__ and not isinstance(args[0], Pretended):
        raise RuntimeError("indices should be on the same device as the indexed tensor")
    generator = kwargs.get("generator")
    if generator is not None and is_gpu(generator.device) != result_inside:
        raise RuntimeError(f"{name}: the generator is on another device")
    with PLAIN():
        result = function(*args, **kwargs)
        if isinstance(result, torch.Size) or not result_inside:
            return result
        return tree_map(lambda one: moved(one, True, makes) if type(one) is Tensor else one, result)


def moved(tensor, inside, is_new=False):
    with PLAIN():
        if is_new and tensor.requires_grad:  # a new parameter has to stay a leaf
            return Tensor._make_subclass(Pretended, tensor.detach(), True)
        return tensor.as_subclass(Pretended if inside else Tensor)


def to(tensor, *args, **kwargs):
    device, other = kwargs.pop("device", None), kwargs.pop("other", None)
    dtype = kwargs.pop("dtype", None)
    for one in args:
        if isinstance(one, (str, torch.device)):
            device = one
        elif isinstance(one, torch.dtype):
            dtype = one
        elif isinstance(one, Tensor):
            other = one
    inside = isinstance(tensor, Pretended) if device is None else is_gpu(device)
    with PLAIN():
        if other is not None:
            inside, dtype = isinstance(other, Pretended), other.dtype
        if inside == isinstance(tensor, Pretended) and dtype in (None, tensor.dtype):
            return tensor
        return moved(tensor.as_subclass(Tensor).to(dtype or tensor.dtype), inside)


def deepcopy(tensor, memo):
    if id(tensor) not in memo:
        with PLAIN():
            copied = Tensor._make_subclass(Pretended, tensor.detach().clone(), tensor.requires_grad)
            copied._is_param = getattr(tensor, "_is_param", False)
        memo[id(tensor)] = copied
    return memo[id(tensor)]


def differences(function, inputs, ways, has_aux):
    """A directional derivative by differences: torch's own refuses tensors that pretend."""
    (values, aux), (after, _) = function(*inputs), function(inputs[0] + STEP * ways[0])
    return values, tuple((one - other) / STEP for one, other in zip(after, values, strict=True)), aux


def one_by_one(function, out_dims):
    """A function of several directions that takes them one after the other."""

    def mapped(directions):
        values, slopes = zip(*map(function, directions), strict=True)
        return values[0], tuple(map(torch.stack, zip(*slopes, strict=True)))

    return mapped


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Let the device "cuda" be a pretended one. Graphs are not recorded."""
    from bench.clock import timing
    from methods.likelihood import laplace
    from methods.student.replay import Replayed

    monkeypatch.setattr(laplace, "jvp", differences)
    monkeypatch.setattr(laplace, "vmap", one_by_one)

    move = torch.nn.Module.to

    def move_module(module, *args, **kwargs):
        like = args and isinstance(args[0], Pretended)
        return move(module, *((GPU, args[0].dtype) if like else args), **kwargs)

    monkeypatch.setattr(torch.nn.Module, "to", move_module)
    monkeypatch.setattr(torch, "Generator", PretendedGenerator)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(Replayed, "__call__", torch.no_grad()(lambda self, *inputs: self._work(*inputs)))
    monkeypatch.setitem(timing.DEVICES, "cuda", timing.Host)
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with PretendedGpu():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
