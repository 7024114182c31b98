//! The functions of `shapes.py`, which are of squares.

use std::ops::Bound;

use wengert_autodiff::ops::{self, PadMode};
use wengert_autodiff::{Index, Step, Var};

use super::{Functions, function, functions};

pub fn all() -> Functions {
    let all = [layouts(), parts(), joined(), moved(), indexed()].into_iter().flatten();
    let of_squares = all.map(|(name, f)| {
        function(&name, move |x| {
            let squares: Vec<_> = x.iter().map(|&x| x * x).collect();
            f(&squares)
        })
    });
    of_squares.collect()
}

fn layouts() -> Functions {
    functions![
        "reshape": |x| x[0].reshape([4, 3]),
        "reshape_transposed": |x| x[0].transpose(0, 1).reshape([2, 3]),
        "flatten": |x| x[0].flatten(1, -1),
        "squeeze": |x| x[0].squeeze(1),
        "unsqueeze": |x| x[0].unsqueeze(-1),
        "permute": |x| x[0].permute(&[2, 0, 1]),
        "transpose": |x| x[0].transpose(0, -1),
        "move_axis": |x| x[0].move_axis(0, 2),
        "broadcast_to": |x| x[0].broadcast_to([3, 2, 4]),
        "broadcast_to_none": |x| x[0].broadcast_to([2, 0]),
        "sum_to": |x| ops::sum_to(x[0], [3, 1]).unwrap(),
    ]
}

fn parts() -> Functions {
    functions![
        "slice": |x| x[0].slice(0, 1..4),
        "slice_step": |x| x[0].slice(1, Step::new(1.., 3)),
        "slice_negative": |x| x[0].slice(1, -3..-1),
        "slice_backwards": |x| x[0].slice(0, Step::new((Bound::Included(4), Bound::Excluded(0)), -2)),
        "slice_clipped": |x| x[0].slice(0, 2..9),
        "slice_none": |x| x[0].slice(0, 2..2),
        "select": |x| x[0].select(1, -2),
        "narrow": |x| x[0].narrow(1, 1, 3),
        "split": |x| x[0].split(&[1, 4], 1)[1],
        "split_parts": |x| {
            let parts = x[0].split(&[2, 2, 1], 1);
            parts[0] * parts[1]
        },
        "chunk": |x| {
            let parts = x[0].chunk(2, 0);
            parts[0] * parts[1]
        },
        "sliding_difference": |x| x[0].slice(0, 1..) * x[0].slice(0, ..-1),
    ]
}

fn joined() -> Functions {
    functions![
        "concat": |x| Var::concat(x, 1),
        "concat_rows": |x| Var::concat(x, 0),
        "concat_three": |x| Var::concat(x, 0),
        "concat_self": |x| Var::concat(&[x[0], x[0], x[0] * x[0]], 0),
        "stack": |x| Var::stack(x, 1),
        "stack_last": |x| Var::stack(x, -1),
        "interleaved": |x| Var::stack(&[x[0], x[0] * x[1]], 1).reshape([6]),
        "repeat": |x| x[0].repeat(&[2, 2]),
        "repeat_front": |x| x[0].repeat(&[2, 2]),
        "repeat_none": |x| x[0].repeat(&[0, 1]),
        "repeat_interleave": |x| x[0].repeat_interleave(3, 1),
    ]
}

fn moved() -> Functions {
    let constant = PadMode::Constant(1.5);
    functions![
        "flip_0": |x| x[0].flip(&[0]),
        "flip_both": |x| x[0].flip(&[0, 1]),
        "roll_forward": |x| x[0].roll(&[(0, 2)]),
        "roll_back": |x| x[0].roll(&[(1, -1)]),
        "roll_both": |x| x[0].roll(&[(0, 4), (1, -6)]),
        "pad_constant": |x| x[0].pad(&[(1, 1, 2).into(), (0, 0, 1).into()], constant),
        "pad_reflect": |x| x[0].pad(&[(1, 3, 2).into()], PadMode::Reflect),
        "pad_reflect_2d": |x| x[0].pad(&[(2, 1, 2).into(), (1, 2, 1).into()], PadMode::Reflect),
        "pad_edge": |x| x[0].pad(&[(1, 4, 2).into()], PadMode::Edge),
        "pad_edge_2d": |x| x[0].pad(&[(2, 1, 2).into(), (1, 2, 1).into()], PadMode::Edge),
    ]
}

fn indexed() -> Functions {
    let places = || Index::from_slice(&[2, 0, 2, 1, 1, 0], [2, 3]).unwrap();
    let line = || Index::from_slice(&[2, 0, 2, 1], [4]).unwrap();
    functions![
        "gather_0": |x| x[0].gather(0, &places()),
        "gather_1": |x| x[0].gather(1, &places()),
        "index_select_0": |x| x[0].index_select(0, &line()),
        "index_select_1": |x| x[0].index_select(1, &line()),
        "index_select_none": |x| x[0].index_select(0, &Index::from_slice(&[], [0]).unwrap()),
        "scatter_add_0": |x| x[0].scatter_add(0, &places(), x[1]),
        "scatter_add_1": |x| x[0].scatter_add(1, &places(), x[1]),
        "scatter_add_gather": |x| {
            (x[0].scatter_add(0, &places(), x[1]) * x[0]).gather(0, &places())
        },
    ]
}
