//! Setters that several optimizers have.

/// Defines setters of fields of the same names, which check the number with the function `$check`.
macro_rules! checked {
    (
        $check:path, $panics:literal;
        $($(#[$attribute:meta])* $field:ident = $what:literal;)+
    ) => {$(
        $(#[$attribute])*
        ///
        /// # Panics
        #[doc = $panics]
        #[track_caller]
        pub fn $field(mut self, $field: f64) -> Self {
            $check($what, $field);
            self.$field = $field;
            self
        }
    )+};
}

/// Defines setters of numbers that are not negative, and finite in the element type, each for a
/// field and with its name in error messages.
macro_rules! not_negative {
    ($($setters:tt)+) => {
        crate::optim::setters::checked! {
            crate::optim::optimizer::check_not_negative::<E>,
            "If it is negative, or not finite when rounded to the element type.";
            $($setters)+
        }
    };
}

/// Defines setters of numbers that are positive and finite in the element type, like
/// [`not_negative`].
macro_rules! positive {
    ($($setters:tt)+) => {
        crate::optim::setters::checked! {
            crate::optim::optimizer::check_positive::<E>,
            "If it is not positive and finite when rounded to the element type.";
            $($setters)+
        }
    };
}

/// Defines setters of fractions in [0, 1), like [`not_negative`].
macro_rules! share {
    ($($setters:tt)+) => {
        crate::optim::setters::checked! {
            crate::optim::optimizer::check_share, "If it is not in [0, 1)."; $($setters)+
        }
    };
}

/// Defines the setter of the fields `beta1` and `beta2`.
macro_rules! betas {
    ($(#[$doc:meta])+) => {
        $(#[$doc])+
        ///
        /// # Panics
        /// If one is not in [0, 1).
        #[track_caller]
        pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
            crate::optim::optimizer::check_share("beta1", beta1);
            crate::optim::optimizer::check_share("beta2", beta2);
            (self.beta1, self.beta2) = (beta1, beta2);
            self
        }
    };
}

/// Implements the methods of [`Optimizer`](crate::Optimizer) for the learning rate, which is the
/// field `rate`.
macro_rules! learning_rate {
    () => {
        fn learning_rate(&self) -> f64 {
            self.rate
        }

        fn set_learning_rate(&mut self, rate: f64) {
            crate::optim::optimizer::check_not_negative::<E>("learning rate", rate);
            self.rate = rate;
        }
    };
}

/// Implements the methods of [`Optimizer`](crate::Optimizer) for the momentum, which is this field.
macro_rules! momentum {
    ($($field:ident).+) => {
        fn momentum(&self) -> Option<f64> {
            Some(self.$($field).+)
        }

        fn set_momentum(&mut self, momentum: f64) {
            crate::optim::optimizer::check_share("momentum", momentum);
            self.$($field).+ = momentum;
        }
    };
}

pub(super) use {betas, checked, learning_rate, momentum, not_negative, positive, share};
