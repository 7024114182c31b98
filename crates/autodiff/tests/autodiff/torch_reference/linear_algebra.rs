//! The functions of `linear_algebra.py`.

use wengert_autodiff::{Activation, Var};

use super::{Functions, function, functions};

pub fn all() -> Functions {
    [products(), einsums(), layers(), diagonals()].into_iter().flatten().collect()
}

fn products() -> Functions {
    functions![
        "matmul": |x| x[0].matmul(x[1]),
        "matmul_transposed": |x| x[0].transpose(0, 1).matmul(x[1].transpose(0, 1)),
        "matmul_self": |x| x[0].matmul(x[0].transpose(0, 1)),
        "matmul_chain": |x| x[0].matmul(x[1]).matmul(x[2]),
        "matmul_power": |x| x[0].matmul(x[0]).matmul(x[0]),
        "dot": |x| x[0].dot(x[1]),
        "dot_self": |x| x[0].dot(x[0]),
        "outer": |x| x[0].outer(x[1]),
        "quadratic_form": |x| x[0].dot(x[1].matmul(x[0])),
        "gram_triangle": |x| x[0].matmul(x[0].transpose(0, 1)).tril(-1),
    ]
}

fn einsums() -> Functions {
    let equations = [
        "ij,jk->ik",
        "ij->ji",
        "ii->i",
        "ii->",
        "ij->",
        "ij->j",
        "i,j->ij",
        "i,i->",
        "bij,bjk->bik",
        "bij,kj->bik",
        "ij,ij->ij",
        "ij,jk,kl->il",
        "i,ij,j->",
        "bhqd,bhkd->bhqk",
        "...ij,...jk->...ik",
        "ijk,ikl->lj",
    ];
    let named = |equation: &'static str| {
        // The table's fields are separated by commas.
        function(&format!("einsum {}", equation.replace(',', ";")), move |x| {
            Var::einsum(equation, x)
        })
    };
    equations.map(named).into()
}

fn layers() -> Functions {
    let activations = [
        Activation::Identity,
        Activation::Relu,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Silu,
        Activation::Logistic,
    ];
    let mut all = functions![
        "linear": |x| x[0].linear(x[1], Some(x[2]), Activation::Identity),
        "linear_no_bias": |x| x[0].linear(x[1], None, Activation::Identity),
        "linear_vector": |x| x[0].linear(x[1], Some(x[2]), Activation::Identity),
        "two_layers": |x| {
            x[0].linear(x[1], None, Activation::Tanh).linear(x[2], None, Activation::Identity)
        },
    ];
    all.extend(activations.map(|activation| {
        let name = format!("linear_{}", activation.name());
        function(&name, move |x| x[0].linear(x[1], Some(x[2]), activation))
    }));
    all
}

fn diagonals() -> Functions {
    let mut all = functions![
        "trace": |x| (x[0] * x[0]).trace(),
        "trace_batch": |x| (x[0] * x[0]).trace(),
    ];
    all.extend([-1, 0, 2, 5].map(|offset| {
        function(&format!("diagonal_{offset}"), move |x| (x[0] * x[0]).diagonal(offset))
    }));
    for offset in [-1, 0, 2] {
        let named = |name: &str| format!("{name}_{offset}");
        all.extend([
            function(&named("diag_of_vector"), move |x| (x[0] * x[0]).diag(offset)),
            function(&named("diag_of_matrix"), move |x| (x[0] * x[0]).diag(offset)),
            function(&named("diag_embed"), move |x| (x[0] * x[0]).diag_embed(offset)),
            function(&named("tril"), move |x| (x[0] * x[0]).tril(offset)),
            function(&named("triu"), move |x| (x[0] * x[0]).triu(offset)),
        ]);
    }
    all
}
