//! Matrix products, as shares of the peak of multiply-adds, and products of a vector and a matrix,
//! as shares of the bandwidth of the cache or memory that holds the matrix.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Mutex;

use wengert::kernels::Element;
use wengert::kernels::gemm::{BatchedGemm, Bias, Epilogue, Gemm, MatMut, MatRef};

use crate::data::{Buffer, noise, zeros};
use crate::gemm_peers::{self, PeerProducts};
use crate::machine::{Peak, Roof};
use crate::measure::{Body, body, median};
use crate::run::{Run, Work};

/// Which operands are stored by columns.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    Rows,
    LeftTransposed,
    RightTransposed,
}

const LAYOUTS: [Layout; 3] = [Layout::Rows, Layout::LeftTransposed, Layout::RightTransposed];

/// A product of an `m x k` and a `k x n` matrix, with its operands.
pub(crate) struct Product<E> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    layout: Layout,
    a: Buffer<E>,
    b: Buffer<E>,
}

impl<E: Element> Product<E> {
    fn new([m, n, k]: [usize; 3], layout: Layout) -> Self {
        Self { m, n, k, layout, a: noise(m * k), b: noise(k * n) }
    }

    fn name(&self) -> String {
        let suffix = match self.layout {
            Layout::Rows => "",
            Layout::LeftTransposed => " A^T",
            Layout::RightTransposed => " B^T",
        };
        format!("{} x {} x {}{suffix}", self.m, self.n, self.k)
    }

    pub(crate) fn left(&self) -> MatRef<'_, E> {
        match self.layout {
            Layout::LeftTransposed => MatRef::row_major(&self.a, self.k, self.m).t(),
            _ => MatRef::row_major(&self.a, self.m, self.k),
        }
    }

    pub(crate) fn right(&self) -> MatRef<'_, E> {
        match self.layout {
            Layout::RightTransposed => MatRef::row_major(&self.b, self.n, self.k).t(),
            _ => MatRef::row_major(&self.b, self.k, self.n),
        }
    }

    /// The operands' elements, and the strides of their rows and columns.
    #[cfg(feature = "peers")]
    pub(crate) fn strided(&self) -> [(&[E], [usize; 2]); 2] {
        let left = match self.layout {
            Layout::LeftTransposed => [1, self.m],
            _ => [self.k, 1],
        };
        let right = match self.layout {
            Layout::RightTransposed => [1, self.k],
            _ => [self.n, 1],
        };
        [(&self.a, left), (&self.b, right)]
    }

    fn run(&self, c: &mut [E]) {
        Gemm::new(self.left(), self.right(), MatMut::row_major(c, self.m, self.n)).run();
    }

    /// Panics if an element differs from the product in `f64` by more than rounding errors.
    fn check(&self, who: &str, c: &[E]) {
        let (left, right) = (self.left(), self.right());
        let rows = (0..self.m).step_by(self.m.div_ceil(7));
        for (i, j) in
            rows.flat_map(|i| (0..self.n).step_by(self.n.div_ceil(9)).map(move |j| (i, j)))
        {
            let term = |p: usize| left.get(i, p).to_f64() * right.get(p, j).to_f64();
            let exact: f64 = (0..self.k).map(term).sum();
            let size: f64 = (0..self.k).map(|p| term(p).abs()).sum();
            let error = (c[i * self.n + j].to_f64() - exact).abs();
            let bound = (self.k + 2) as f64 * E::EPSILON.to_f64() * size;
            assert!(error <= bound, "{}: ({i}, {j}) of {who} is off by {error}", self.name());
        }
    }
}

/// The limit of a product's speed.
enum Bound {
    /// The peak of multiply-adds.
    Peak,
    /// The bandwidth of reading the matrix.
    Read,
}

/// Measures a product alternately with the peers'.
fn case<E: PeerProducts>(run: &mut Run, product: &Product<E>, bound: &Bound) {
    let mut c = zeros::<E>(product.m * product.n);
    run.install(|| product.run(&mut c));
    product.check("ours", &c);
    let flops = 2.0 * (product.m * product.n * product.k) as f64;
    let threads = run.threads();
    let ours = Mutex::new(c);
    let turn = || product.run(black_box(&mut ours.lock().expect("no turn panics")));
    let alone = |times| run.alone(|| body(turn)(times));
    let peak = run.install(|| Peak::<E>::new(threads));
    let elements = product.n.max(product.m) * product.k;
    let work = Work { case: String::new(), elements, read: elements, written: 0, places: elements };
    let mut roof = Roof::<E>::new(work.read, work.written, work.places, threads);
    let top = match bound {
        Bound::Peak => body(|| peak.call()),
        Bound::Read => body(|| roof.call()),
    };
    let mut bodies: Vec<Body<'_>> = vec![body(turn), top];
    let mut names = Vec::new();
    if threads > 1 {
        names.push("one_thread");
        bodies.push(Box::new(alone));
    }
    for (name, peer) in gemm_peers::of::<E>(threads) {
        let mut c = zeros::<E>(product.m * product.n);
        peer(product, &mut c, threads);
        product.check(name, &c);
        names.push(name);
        bodies.push(body(move || peer(product, black_box(&mut c), threads)));
    }
    let rounds = run.rounds(&mut bodies);
    drop(bodies);
    let rate = |column: usize| flops * 1e-9 / median(rounds.iter().map(|round| round[column]));
    let peers: BTreeMap<_, _> = names.iter().enumerate().map(|(i, n)| (*n, rate(i + 2))).collect();
    let of_roof = median(rounds.iter().map(|round| match bound {
        Bound::Peak => flops / round[0] / (peak.flops() / round[1]),
        Bound::Read => round[1] / round[0],
    }));
    run.add::<E>(product.name(), rate(0), "Gflop/s", of_roof, peers);
}

fn shapes<E: PeerProducts>(run: &mut Run, shapes: &[[usize; 3]], bound: &Bound) {
    for &shape in shapes {
        for layout in LAYOUTS {
            case(run, &Product::<E>::new(shape, layout), bound);
        }
    }
}

/// Adds large products, and the cost of an epilogue.
pub(crate) fn cases(run: &mut Run) {
    for cube in [256, 512, 1024, 2048] {
        let shape = [cube; 3];
        case(run, &Product::<f32>::new(shape, Layout::Rows), &Bound::Peak);
        case(run, &Product::<f64>::new(shape, Layout::Rows), &Bound::Peak);
    }
    let others = [
        [8, 1024, 1024],
        [1024, 10, 128],
        [64, 128, 784],
        [128, 512, 784],
        [784, 128, 64],
        [7, 1023, 511],
        [1000, 3, 1000],
        [2048, 2048, 1],
    ];
    shapes::<f32>(run, &others, &Bound::Peak);
    shapes::<f64>(run, &others, &Bound::Peak);
    epilogues(run);
}

/// Adds products that fit the caches.
pub(crate) fn small(run: &mut Run) {
    let cubes = [8, 16, 24, 32, 48, 64, 96, 128].map(|cube| [cube; 3]);
    shapes::<f32>(run, &cubes, &Bound::Peak);
    shapes::<f64>(run, &cubes, &Bound::Peak);
}

/// Adds products of a vector and a matrix.
pub(crate) fn vectors(run: &mut Run) {
    let both = [[1, 1024, 1024], [1024, 1, 1024], [1, 4096, 4096], [1, 128, 128]];
    shapes::<f32>(run, &both, &Bound::Read);
    shapes::<f64>(run, &both[..1], &Bound::Read);
}

/// Adds 64 products of 64 x 64 x 32, compared with one product of the same number of operations.
pub(crate) fn batched(run: &mut Run) {
    let (count, m, n, k) = (64, 64, 64, 32);
    let (a, b) = (noise::<f32>(count * m * k), noise::<f32>(count * k * n));
    let mut c = zeros::<f32>(count * m * n);
    let one = Product::<f32>::new([256, 256, 128], Layout::Rows);
    let mut whole = zeros::<f32>(one.m * one.n);
    let mut batch = || {
        let first = Gemm::new(
            MatRef::row_major(&a, m, k),
            MatRef::row_major(&b, k, n),
            MatMut::row_major(black_box(&mut c), m, n),
        );
        let [a_step, b_step, c_step] = [m * k, k * n, m * n].map(|step| step as isize);
        BatchedGemm { count, first, a_step, b_step, c_step }.run().expect("the matrices are there");
    };
    batch();
    let flops = 2.0 * (count * m * n * k) as f64;
    let case = format!("{count} of {m} x {n} x {k}");
    run.flops::<f32>(case, flops, batch, ("one_product", || one.run(black_box(&mut whole))));
}

/// The cost of bias and activation on top of the bare product.
fn epilogues(run: &mut Run) {
    use wengert::kernels::activation::Activation;
    let product = Product::<f32>::new([128, 512, 784], Layout::Rows);
    let bias = noise::<f32>(product.n);
    for (name, activation) in [("bias, relu", Activation::Relu), ("bias, tanh", Activation::Tanh)] {
        let [mut bare, mut full] = [(); 2].map(|()| zeros::<f32>(product.m * product.n));
        let with_epilogue = || {
            let epilogue = Epilogue { bias: Bias::PerColumn(&bias), activation };
            let c = MatMut::row_major(black_box(&mut full), product.m, product.n);
            Gemm { epilogue, ..Gemm::new(product.left(), product.right(), c) }.run();
        };
        let bare = || product.run(black_box(&mut bare));
        let flops = 2.0 * (product.m * product.n * product.k) as f64;
        run.flops::<f32>(
            format!("{} + {name}", product.name()),
            flops,
            with_epilogue,
            ("bare", bare),
        );
    }
}
