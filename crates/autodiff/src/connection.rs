//! [`Connection`]: how an output depends on a variable, and why a gradient may be absent.

use wengert_kernels::Element;

use crate::tape::Node;
use crate::tape::cut::Cuts;
use crate::var::Var;

/// How an output depends on a variable.
///
/// [`Var::connection`] and [`Gradients::connection`](crate::Gradients::connection) return it. Each
/// variant except [`Connected`](Self::Connected) is a reason for an absent gradient. A gradient of
/// zeros is present: its variable is `Connected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Connection {
    /// A recorded path leads from the variable to the output: there is a gradient, which may be
    /// zero.
    Connected,
    /// The output depends on the variable, but every path contains a [`detach`](crate::Var::detach)
    /// or an operation computed in [`no_grad`](crate::Tape::no_grad).
    Detached,
    /// The output depends on the variable, but every path reads it as whole numbers (labels,
    /// positions; see [`Op::reads_index`](crate::Op::reads_index)), for which there is no
    /// derivative.
    Index,
    /// The output does not depend on the variable.
    #[default]
    Unused,
    /// The variable is a constant, which has no gradient.
    Constant,
    /// The gradients come from another tape, or the tape was cleared since: they contain no
    /// information about the variable.
    DifferentTape,
}

impl Connection {
    /// The rank of the connection: closer connections have a greater rank.
    pub(crate) fn closeness(self) -> u8 {
        match self {
            Self::Connected => 4,
            Self::Detached => 3,
            Self::Index => 2,
            Self::Constant => 1,
            Self::Unused | Self::DifferentTape => 0,
        }
    }
}

/// The strength of a path from a variable; that of a node is the strength of its strongest path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Path {
    None,
    Index,
    Detached,
    Recorded,
}

impl Path {
    /// The path continued through an unrecorded operation, or through one that reads whole numbers.
    fn cut(self, index: bool) -> Path {
        let most = if index { Path::Index } else { Path::Detached };
        if index && self == Path::Detached { Path::Detached } else { self.min(most) }
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// How this variable depends on `x`. The cost is a pass over the part of the tape between them.
    ///
    /// ```
    /// use wengert_autodiff::{Connection, Tape, Tensor};
    /// let tape = Tape::new();
    /// let [x, y, z] = [1.0_f64, 2.0, 3.0].map(|v| tape.variable(&Tensor::scalar(v)));
    /// let loss = x * y.detach();
    /// assert_eq!(loss.connection(x), Connection::Connected);
    /// assert_eq!(loss.connection(y), Connection::Detached);
    /// assert_eq!(loss.connection(z), Connection::Unused);
    /// ```
    pub fn connection(self, x: Var<'t, E>) -> Connection {
        let nodes = self.tape().nodes();
        let is_past = self.node(&nodes, "connection").is_err();
        if is_past || !std::ptr::eq(self.tape(), x.tape()) || x.index() > self.index() {
            return Connection::Unused;
        }
        if !x.requires_grad() {
            return Connection::Constant;
        }
        match trace(&nodes, &self.tape().cuts.borrow(), x.index(), self.index()) {
            Path::None => Connection::Unused,
            Path::Index => Connection::Index,
            Path::Detached => Connection::Detached,
            Path::Recorded => Connection::Connected,
        }
    }
}

/// The strongest path from one node to a later one.
fn trace<E: Element>(nodes: &[Node<E>], cuts: &Cuts, from: u32, to: u32) -> Path {
    let mut paths = vec![Path::None; (to - from) as usize + 1];
    paths[0] = Path::Recorded;
    let mut cuts = cuts.iter().skip_while(|(node, _)| *node <= from).peekable();
    for index in from + 1..=to {
        let at = |node: u32| node.checked_sub(from).map_or(Path::None, |i| paths[i as usize]);
        let node = &nodes[index as usize];
        let path = if let Some(rule) = node.rule.as_ref().filter(|_| !node.cut) {
            let places = rule.inputs.iter().enumerate();
            places.map(|(i, &x)| if rule.op.reads_index(i) { at(x).cut(true) } else { at(x) }).max()
        } else if let Some((_, origins)) = cuts.next_if(|(node, _)| *node == index) {
            origins.iter().map(|cut| at(cut.node).cut(cut.index)).max()
        } else {
            None
        };
        paths[(index - from) as usize] = path.unwrap_or(Path::None);
    }
    paths[(to - from) as usize]
}
