//! Decimals: money, and quantities that are shown beside it.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

/// How many billionths are one.
const ONE: u128 = 1_000_000_000;
const DECIMALS: usize = 9;
/// What is written down is less than this, so that no product overflows.
const WRITTEN_MAX: u128 = 1_000_000;

/// A number of at most nine decimals, not negative. Exact, but where it says that it rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    billionths: u128,
}

/// A text is no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be a number below 1000000 with at most 9 decimals, such as 0.0036")]
pub struct NoDecimal;

impl FromStr for Decimal {
    type Err = NoDecimal;

    fn from_str(text: &str) -> Result<Self, NoDecimal> {
        let (whole, fraction) =
            text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fraction_is_one = fraction.is_none_or(|digits| is_number(digits) && digits.len() <= DECIMALS);
        if !is_number(whole) || !fraction_is_one {
            return Err(NoDecimal);
        }
        let whole: u128 = whole.parse().ok().filter(|whole| *whole < WRITTEN_MAX).ok_or(NoDecimal)?;
        let fraction = format!("{:0<DECIMALS$}", fraction.unwrap_or_default());
        let fraction: u128 = fraction.parse().map_err(|_| NoDecimal)?;
        Ok(Self { billionths: whole * ONE + fraction })
    }
}

impl Decimal {
    /// Returns the fraction, rounded up.
    pub(super) fn of_fraction(numerator: u128, denominator: u128) -> Self {
        Self { billionths: ONE }.times_fraction(numerator, denominator)
    }

    /// Returns this many times the fraction, rounded up.
    ///
    /// Does not overflow: at most 10^15 billionths are multiplied with a remainder below a GB-month in byte-seconds, 3 *
    /// 10^15, and with whole GB-months, of which all the archives that a cache can tell of make less than 10^20.
    pub(super) fn times_fraction(self, numerator: u128, denominator: u128) -> Self {
        let (whole, rest) = (numerator / denominator, numerator % denominator);
        Self { billionths: self.billionths * whole + (self.billionths * rest).div_ceil(denominator) }
    }

    /// Returns the number rounded up to four decimals, as text that has all four.
    pub fn rounded_up(self) -> String {
        let ten_thousandths = self.billionths.div_ceil(ONE / 10_000);
        format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000)
    }
}

impl fmt::Display for Decimal {
    /// Writes all decimals but zeros at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.billionths / ONE, self.billionths % ONE);
        let fraction = format!("{fraction:0DECIMALS$}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { billionths: self.billionths + other.billionths }
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(decimals: I) -> Self {
        decimals.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_exactly() {
        for (text, shown) in [
            ("0.0036", "0.0036"),
            ("10", "10"),
            ("10.50", "10.5"),
            ("0", "0"),
            ("0.0", "0"),
            ("999999.999999999", "999999.999999999"),
            ("0.1", "0.1"),
        ] {
            assert_eq!(text.parse::<Decimal>().map(|decimal| decimal.to_string()), Ok(shown.to_owned()));
        }
        for bad in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "inf", "nan", "1,5", "0.0000000001", "1000000", "0x1"]
        {
            assert_eq!(bad.parse::<Decimal>(), Err(NoDecimal), "{bad}");
        }
    }

    #[test]
    fn fractions_are_rounded_up() {
        let third = Decimal::of_fraction(1, 3);
        assert_eq!((third.to_string().as_str(), third.rounded_up().as_str()), ("0.333333334", "0.3334"));
        assert_eq!(Decimal::of_fraction(4, 2).rounded_up(), "2.0000");
        assert_eq!(Decimal::of_fraction(0, 7).rounded_up(), "0.0000");
        assert_eq!(Decimal { billionths: 1 }.rounded_up(), "0.0001");
        // As a float, 0.1 + 0.2 is not 0.3.
        let sum: Decimal = ["0.1", "0.2"].iter().filter_map(|text| text.parse().ok()).sum();
        assert_eq!(Ok(sum), "0.3".parse());
    }
}
