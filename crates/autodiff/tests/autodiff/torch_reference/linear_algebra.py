"""Linear algebra."""
import torch
import torch.nn.functional as F

from make import case, numbers

# --- products ------------------------------------------------------------------------------------
MATMUL = {
    "matrices": [(2, 3), (3, 4)], "vector_matrix": [(3,), (3, 2)], "matrix_vector": [(2, 3), (3,)],
    "vectors": [(4,), (4,)], "batch": [(2, 2, 3), (2, 3, 2)], "batch_shared": [(2, 2, 3), (3, 2)],
    "shared_batch": [(2, 3), (2, 3, 2)], "batches_broadcast": [(2, 1, 2, 3), (3, 3, 2)],
    "batch_vector": [(2, 2, 3), (3,)], "vector_batch": [(3,), (2, 3, 2)],
    "row_column": [(1, 4), (4, 1)], "column_row": [(3, 1), (1, 2)], "nothing_between": [(2, 0), (0, 3)],
    "no_rows": [(0, 2), (2, 3)], "no_batch": [(0, 2, 2), (2, 2)],
}
for name, shapes in MATMUL.items():
    case(f"matmul/{name}", shapes, torch.matmul)
case("matmul_transposed", [(3, 2), (4, 3)], lambda a, b: a.T @ b.T)
case("matmul_self", [(2, 3)], lambda a: a @ a.T)
case("matmul_chain", [(2, 3), (3, 2), (2, 2)], lambda a, b, c: a @ b @ c)
case("matmul_power", [(3, 3)], lambda a: a @ a @ a)
case("dot", [(5,), (5,)], torch.dot)
case("dot/empty", [(0,), (0,)], torch.dot)
case("dot_self", [(5,)], lambda a: torch.dot(a, a))
case("outer", [(3,), (4,)], torch.outer)
case("outer/empty", [(0,), (2,)], torch.outer)
EINSUM = {
    "ij,jk->ik": [(2, 3), (3, 4)], "ij->ji": [(2, 3)], "ii->i": [(3, 3)], "ii->": [(3, 3)],
    "ij->": [(2, 3)], "ij->j": [(2, 3)], "i,j->ij": [(2,), (3,)], "i,i->": [(4,), (4,)],
    "bij,bjk->bik": [(2, 2, 3), (2, 3, 2)], "bij,kj->bik": [(2, 2, 3), (4, 3)],
    "ij,ij->ij": [(2, 3), (2, 3)], "ij,jk,kl->il": [(2, 3), (3, 2), (2, 2)],
    "i,ij,j->": [(2,), (2, 3), (3,)], "bhqd,bhkd->bhqk": [(1, 2, 2, 3), (1, 2, 3, 3)],
    "...ij,...jk->...ik": [(2, 2, 3), (3, 2)], "ijk,ikl->lj": [(2, 2, 3), (2, 3, 2)],
}
for equation, shapes in EINSUM.items():
    case(f"einsum {equation.replace(',', ';')}", shapes, lambda *x: torch.einsum(equation, *x))
# --- layers --------------------------------------------------------------------------------------
ACTIVATIONS = {"identity": lambda x: x, "relu": torch.relu, "tanh": torch.tanh, "gelu": F.gelu,
               "silu": F.silu, "logistic": torch.sigmoid}
for name, f in ACTIVATIONS.items():
    case(f"linear_{name}", [(3, 4), (2, 4), (2,)], lambda x, w, b: f(F.linear(x, w, b)))
case("linear_no_bias", [(2, 2, 3), (4, 3)], F.linear)
case("linear_vector", [(3,), (2, 3), (2,)], F.linear)
case("linear/empty", [(0, 3), (2, 3), (2,)], F.linear)
case("two_layers", [(3, 4), (5, 4), (2, 5)], lambda x, a, b: F.linear(torch.tanh(F.linear(x, a)), b))
# --- diagonals and triangles ---------------------------------------------------------------------
case("trace", [(3, 4)], lambda x: (x * x).diagonal(0, -2, -1).sum(-1))
case("trace_batch", [(2, 3, 3)], lambda x: (x * x).diagonal(0, -2, -1).sum(-1))
for offset in [-1, 0, 2, 5]:
    case(f"diagonal_{offset}", [(3, 4)], lambda x: (x * x).diagonal(offset, -2, -1))
for offset in [-1, 0, 2]:
    case(f"diag_of_vector_{offset}", [(3,)], lambda x: torch.diag(x * x, offset))
    case(f"diag_of_matrix_{offset}", [(3, 4)], lambda x: torch.diag(x * x, offset))
    case(f"diag_embed_{offset}", [(2, 3)], lambda x: torch.diag_embed(x * x, offset))
    case(f"tril_{offset}", [(2, 3, 4)], lambda x: torch.tril(x * x, offset))
    case(f"triu_{offset}", [(3, 3)], lambda x: torch.triu(x * x, offset))
case("quadratic_form", [(3,), (3, 3)], lambda x, a: torch.dot(x, a @ x))
case("gram_triangle", [(3, 2)], lambda x: torch.tril(x @ x.T, -1))
