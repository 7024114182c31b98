"""Writes the safetensors files of ../training/interop.rs with PyTorch, and checks the one written here.

    python torch_files.py write     # torch_f32, torch_f16 and torch_bf16.safetensors
    python torch_files.py check     # wengert.safetensors, which the test compares with what it writes,
                                    # written if WENGERT_WRITE_REFERENCE is set

The model is Linear(4, 3), BatchNorm1d(3), Tanh, Linear(3, 2) after one step of training.
"""

import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def model():
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Tanh(),
                              torch.nn.Linear(3, 2))
    x = torch.arange(20, dtype=torch.float32).reshape(5, 4).sin()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(x).square().mean().backward()
    optimizer.step()
    return net.eval(), x


net, x = model()
if sys.argv[1] == "write":
    for name, dtype in [("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)]:
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in net.state_dict().items()}
        save_file(state, f"torch_{name}.safetensors")
    print("outputs for x = sin(0..20), rows of 4:", net(x).flatten().tolist())
else:
    own = load_file("wengert.safetensors")
    with safe_open("wengert.safetensors", "pt") as file:
        assert set(file.metadata()) == {"wengert"}, file.metadata()
    # The tensors have the values, names, shapes and types that PyTorch gave them.
    expected = {k: v for k, v in net.state_dict().items() if "num_batches_tracked" not in k}
    assert set(own) == set(expected), (set(own), set(expected))
    for key, value in expected.items():
        assert own[key].dtype == value.dtype and torch.equal(own[key], value), key
    # A new network takes them.
    other = model()[0]
    for p in other.parameters():
        p.data.zero_()
    missing, unexpected = other.load_state_dict(own, strict=False)
    assert unexpected == [] and set(missing) <= {"1.num_batches_tracked"}, (missing, unexpected)
    assert torch.equal(other(x), net(x))
    print("wengert.safetensors is as PyTorch's own")
