//! Macros for elementwise operations. The operation's file states its kernel, its derivative and
//! its test domain; the macro generates everything else.

/// Defines an elementwise operation of one operand: the type, its [`Op`](crate::Op), its entry and
/// its row. The derivative is an `Option` of a cotangent in terms of `gy`, the operand and the
/// output. A row of order 0 is that of a function whose derivative is zero.
macro_rules! unary {
    (
        $(#[$doc:meta])*
        $name:ident / $try_name:ident = $op:ident, $kernel:expr;
        |$gy:pat_param, $x:pat_param, $y:pat_param| $cotangent:expr;
        order $order:literal, $domain:expr, $reference:expr
    ) => {
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $op;

        impl<E: wengert_kernels::Element> crate::Op<E> for $op {
            described!(stringify!($name), operands: 1);

            fn shape(&self, inputs: &[&crate::Shape]) -> crate::Result<crate::Shape> {
                Ok(inputs[0].clone())
            }

            fn forward(
                &self,
                inputs: &[&crate::Tensor<E>],
                ctx: &mut crate::Forward<'_, E>,
            ) -> crate::Result<crate::Tensor<E>> {
                super::support::lazy_map(ctx, inputs[0], $kernel)
            }

            fn vjp<'t>(
                &self,
                node: &crate::Vjp<'_, 't, E>,
            ) -> crate::Result<crate::Cotangents<'t, E>> {
                let ($gy, $x, $y) = (node.gy(), node.input(0), node.output());
                crate::op::cotangents([$cotangent])
            }
        }

        entry! {
            $(#[$doc])*
            $name / $try_name(x) = $op
        }

        #[cfg(any(test, feature = "testing"))]
        pub(crate) const ROWS: &[crate::testing::Row] = &[crate::testing::Row {
            name: stringify!($name),
            order: $order,
            reorders: false,
            sample: |s| {
                let shape = s.shape();
                let inputs = vec![s.tensor(&shape, &$domain)];
                let reference: fn(f64) -> f64 = $reference;
                crate::testing::Case::new($op, inputs, move |x| x[0].map(reference))
            },
        }];
    };
}

/// Defines an elementwise operation of two operands that broadcast, as [`unary`](macro@unary) does.
/// The derivative is a pair of functions of `gy`, the operands and the output, of which only those
/// that are needed are called.
macro_rules! binary {
    (
        $(#[$doc:meta])*
        $name:ident / $try_name:ident = $op:ident, $kernel:expr;
        |$gy:pat_param, $a:pat_param, $b:pat_param, $y:pat_param| [$for_a:expr, $for_b:expr $(,)?];
        order $order:literal, $sample:expr, $reference:expr
    ) => {
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $op;

        impl<E: wengert_kernels::Element> crate::Op<E> for $op {
            described!(stringify!($name), operands: 2);

            fn shape(&self, inputs: &[&crate::Shape]) -> crate::Result<crate::Shape> {
                super::support::broadcast(stringify!($name), inputs)
            }

            fn forward(
                &self,
                inputs: &[&crate::Tensor<E>],
                ctx: &mut crate::Forward<'_, E>,
            ) -> crate::Result<crate::Tensor<E>> {
                super::support::lazy_zip(ctx, inputs[0], inputs[1], $kernel)
            }

            fn vjp<'t>(
                &self,
                node: &crate::Vjp<'_, 't, E>,
            ) -> crate::Result<crate::Cotangents<'t, E>> {
                let ($gy, $a, $b, $y) = (node.gy(), node.input(0), node.input(1), node.output());
                let for_a = if node.needs(0) { $for_a } else { None };
                let for_b = if node.needs(1) { $for_b } else { None };
                crate::op::cotangents([for_a, for_b])
            }
        }

        entry! {
            $(#[$doc])*
            ///
            /// # Shapes
            /// The operands broadcast; the result has the shape they broadcast to.
            $name / $try_name(a, b) = $op
        }

        #[cfg(any(test, feature = "testing"))]
        pub(crate) const ROWS: &[crate::testing::Row] = &[crate::testing::Row {
            name: stringify!($name),
            order: $order,
            reorders: false,
            sample: |s| {
                let sample: fn(&mut crate::testing::Sampler) -> Vec<crate::Tensor<f64>> = $sample;
                let inputs = sample(s);
                let reference: fn(f64, f64) -> f64 = $reference;
                crate::testing::Case::new($op, inputs, move |x| {
                    crate::testing::Dense::zip(&x[0], &x[1], reference)
                })
            },
        }];
    };
}
