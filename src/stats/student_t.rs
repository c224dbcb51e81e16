//! Student's t distribution.
//!
//! Its distribution function is a regularised incomplete beta function, which is computed by its continued fraction
//! (NIST Digital Library of Mathematical Functions 8.17.22) with Lentz's method (Applied Optics 15, 1976), the
//! logarithm of the gamma function by Stirling's series (DLMF 5.11.1). Quantiles are found by bisection: they are
//! wanted a few times a report.

/// The value below which a t-distributed variable with `freedom` degrees of freedom falls with `probability`.
/// Nothing unless `0 < probability < 1` and `freedom >= 1`.
#[must_use]
pub fn quantile(probability: f64, freedom: f64) -> Option<f64> {
    if !(probability > 0.0 && probability < 1.0 && freedom >= 1.0 && freedom.is_finite()) {
        return None;
    }
    if probability < 0.5 {
        return quantile(1.0 - probability, freedom).map(|t| -t);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while cumulative(high, freedom) < probability && high < 1e300 {
        high *= 2.0;
    }
    // Each step halves the interval; 200 reach the last bit from anywhere.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if cumulative(middle, freedom) < probability {
            low = middle
        } else {
            high = middle
        }
    }
    Some(f64::midpoint(low, high))
}

/// The probability that a t-distributed variable with `freedom` degrees of freedom falls below `t`.
#[must_use]
pub fn cumulative(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * beta_regularised(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// I_x(a, b) for `0 <= x <= 1`.
fn beta_regularised(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast only on this side of the mean; the other is its complement.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regularised(1.0 - x, b, a);
    }
    let ln_beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    (a * x.ln() + b * (-x).ln_1p() - ln_beta).exp() / (a * beta_fraction(x, a, b))
}

/// The continued fraction 1 + d1/(1 + d2/(1 + ...)).
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut fraction, mut c, mut d) = (1.0, 1.0, 0.0);
    for step in 1..500_u32 {
        let m = f64::from(step / 2);
        let coefficient = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / away_from_zero(1.0 + coefficient * d);
        c = away_from_zero(1.0 + coefficient / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// ln Γ(x) for `x > 0`: shifted to where Stirling's series is exact to the last bit.
fn ln_gamma(mut x: f64) -> f64 {
    const SERIES: [f64; 6] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
    ];
    let mut shift = 0.0;
    while x < 12.0 {
        shift += x.ln();
        x += 1.0;
    }
    let series = SERIES
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum / (x * x) + coefficient)
        / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of the t distribution, to more digits than the printed ones: (probability, freedom, t).
    const TABLE: [(f64, f64, f64); 8] = [
        (0.975, 1.0, 12.706_204_736_174_7),
        (0.975, 2.0, 4.302_652_729_749_46),
        (0.975, 4.0, 2.776_445_105_197_79),
        (0.975, 10.0, 2.228_138_851_964_94),
        (0.975, 30.0, 2.042_272_456_301_24),
        (0.995, 5.0, 4.032_142_983_555_23),
        (0.95, 9.0, 1.833_112_932_653_66),
        (0.9, 120.0, 1.288_646_346_660_6),
    ];

    #[test]
    fn quantiles_agree_with_the_tables() {
        for (probability, freedom, expected) in TABLE {
            let t = quantile(probability, freedom).unwrap();
            assert!(
                (t - expected).abs() < 1e-6,
                "t({probability}, {freedom}) = {t}, not {expected}"
            );
            assert!((quantile(1.0 - probability, freedom).unwrap() + t).abs() < 1e-6);
            assert!((cumulative(t, freedom) - probability).abs() < 1e-9);
        }
    }

    /// One degree of freedom is Cauchy's distribution, two have a closed form as well.
    #[test]
    fn the_closed_forms_agree() {
        for t in [-50.0, -3.0, -0.1, 0.0, 0.7, 2.0, 1000.0] {
            let one = 0.5 + f64::atan(t) / std::f64::consts::PI;
            let two = 0.5 + t / (2.0 * (2.0 + t * t).sqrt());
            assert!((cumulative(t, 1.0) - one).abs() < 1e-12);
            assert!((cumulative(t, 2.0) - two).abs() < 1e-12);
        }
    }

    #[test]
    fn what_makes_no_sense_has_no_quantile() {
        for (probability, freedom) in [
            (0.0, 3.0),
            (1.0, 3.0),
            (0.5, 0.0),
            (f64::NAN, 3.0),
            (0.5, f64::INFINITY),
        ] {
            assert_eq!(quantile(probability, freedom), None);
        }
    }
}
