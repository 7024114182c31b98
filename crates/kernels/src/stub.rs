#![allow(missing_docs)]
pub mod elementwise {
    use crate::Element;
    #[derive(Clone, Copy, Debug)]
    pub enum Run<'a, E> {
        Slice(&'a [E]),
        Splat(E),
    }
    fn at<E: Element>(r: Run<E>, i: usize) -> E {
        match r {
            Run::Slice(s) => s[i],
            Run::Splat(v) => v,
        }
    }
    macro_rules! bin { ($($n:ident $o:tt)+) => { $(pub fn $n<E: Element>(a: Run<E>, b: Run<E>, out: &mut [E]) { for i in 0..out.len() { out[i] = at(a, i) $o at(b, i); } })+ } }
    bin!(add + sub - mul * div /);
    pub fn add_assign<E: Element>(acc: &mut [E], x: &[E]) {
        for (a, &b) in acc.iter_mut().zip(x) {
            *a += b;
        }
    }
    pub fn scale<E: Element>(alpha: E, x: &[E], out: &mut [E]) {
        for (o, &b) in out.iter_mut().zip(x) {
            *o = alpha * b;
        }
    }
    pub fn scale_in_place<E: Element>(alpha: E, x: &mut [E]) {
        for o in x {
            *o *= alpha;
        }
    }
    pub fn neg<E: Element>(x: &[E], out: &mut [E]) {
        for (o, &b) in out.iter_mut().zip(x) {
            *o = -b;
        }
    }
    pub fn square<E: Element>(x: &[E], out: &mut [E]) {
        for (o, &b) in out.iter_mut().zip(x) {
            *o = b * b;
        }
    }
    pub fn sqrt<E: Element>(x: &[E], out: &mut [E]) {
        for (o, &b) in out.iter_mut().zip(x) {
            *o = b.sqrt();
        }
    }
}
pub mod reduce {
    use crate::Element;
    pub fn sum<E: Element>(x: &[E]) -> E {
        x.iter().copied().sum()
    }
    pub fn argmax_rows<E: Element>(x: &[E], c: usize, out: &mut [usize]) {
        for (r, o) in x.chunks(c).zip(out) {
            let mut b = 0;
            for i in 1..c {
                if r[i] > r[b] {
                    b = i;
                }
            }
            *o = b;
        }
    }
    pub fn sum_squares<E: Element>(x: &[E]) -> E {
        x.iter().map(|&v| v * v).sum()
    }
    pub fn sum_axis<E: Element>(x: &[E], d: [usize; 3], out: &mut [E]) {
        for o in 0..d[0] {
            for i in 0..d[2] {
                let mut s = E::ZERO;
                for a in 0..d[1] {
                    s += x[(o * d[1] + a) * d[2] + i];
                }
                out[o * d[2] + i] = s;
            }
        }
    }
}
pub mod softmax {
    use crate::Element;
    use crate::elementwise::Run;
    fn lse<E: Element>(r: &[E]) -> f64 {
        let m = r.iter().map(|x| x.to_f64()).fold(f64::NEG_INFINITY, f64::max);
        m + r.iter().map(|x| (x.to_f64() - m).exp()).sum::<f64>().ln()
    }
    pub fn softmax_rows<E: Element>(x: &[E], c: usize, out: &mut [E]) {
        for (r, o) in x.chunks(c).zip(out.chunks_mut(c)) {
            let l = lse(r);
            for (o, x) in o.iter_mut().zip(r) {
                *o = E::from_f64((x.to_f64() - l).exp());
            }
        }
    }
    pub fn log_softmax_rows<E: Element>(x: &[E], c: usize, out: &mut [E]) {
        for (r, o) in x.chunks(c).zip(out.chunks_mut(c)) {
            let l = lse(r);
            for (o, x) in o.iter_mut().zip(r) {
                *o = E::from_f64(x.to_f64() - l);
            }
        }
    }
    pub fn softmax_grad_rows<E: Element>(g: &[E], y: &[E], c: usize, out: &mut [E]) {
        for ((g, y), o) in g.chunks(c).zip(y.chunks(c)).zip(out.chunks_mut(c)) {
            let s: E = g.iter().zip(y).map(|(&a, &b)| a * b).sum();
            for i in 0..c {
                o[i] = y[i] * (g[i] - s);
            }
        }
    }
    pub fn log_softmax_grad_rows<E: Element>(g: &[E], y: &[E], c: usize, out: &mut [E]) {
        for ((g, y), o) in g.chunks(c).zip(y.chunks(c)).zip(out.chunks_mut(c)) {
            let s: E = g.iter().copied().sum();
            for i in 0..c {
                o[i] = g[i] - E::from_f64(y[i].to_f64().exp()) * s;
            }
        }
    }
    pub fn cross_entropy_rows<E: Element>(
        x: &[E],
        c: usize,
        labels: &[usize],
        losses: &mut [E],
        l: &mut [E],
    ) {
        for (i, r) in x.chunks(c).enumerate() {
            let v = lse(r);
            l[i] = E::from_f64(v);
            losses[i] = E::from_f64(v - r[labels[i]].to_f64());
        }
    }
    pub fn cross_entropy_grad_rows<E: Element>(
        x: &[E],
        c: usize,
        labels: &[usize],
        l: &[E],
        gy: Run<E>,
        out: &mut [E],
    ) {
        for (i, r) in x.chunks(c).enumerate() {
            let g = match gy {
                Run::Splat(v) => v,
                Run::Slice(s) => s[i],
            };
            for j in 0..c {
                out[i * c + j] = g
                    * (E::from_f64((r[j] - l[i]).to_f64().exp())
                        - if j == labels[i] { E::ONE } else { E::ZERO });
            }
        }
    }
}
pub mod layout {
    use crate::Element;
    pub fn copy_strided<E: Element>(
        src: &[E],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
        dst: &mut [E],
    ) {
        let mut idx = vec![0; shape.len()];
        for d in dst {
            let p = offset as isize
                + idx.iter().zip(strides).map(|(&i, &s)| i as isize * s).sum::<isize>();
            *d = src[p as usize];
            for k in (0..shape.len()).rev() {
                idx[k] += 1;
                if idx[k] < shape[k] {
                    break;
                }
                idx[k] = 0;
            }
        }
    }
}
pub mod optim {
    use crate::Element;
    pub fn sgd_momentum_step<E: Element>(
        w: &mut [E],
        g: &[E],
        v: &mut [E],
        lr: E,
        mu: E,
        damp: E,
        wd: E,
        nesterov: bool,
    ) {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            let g = g + wd * *w;
            *v = mu * *v + (E::ONE - damp) * g;
            *w -= lr * if nesterov { g + mu * *v } else { *v };
        }
    }
    pub fn sgd_step<E: Element>(w: &mut [E], g: &[E], lr: E, wd: E) {
        for (w, &g) in w.iter_mut().zip(g) {
            *w -= lr * (g + wd * *w);
        }
    }
}
