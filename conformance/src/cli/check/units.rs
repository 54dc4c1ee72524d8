//! Numbers with units on the command line.

use std::time::Duration;

/// `20000000`, `20k`, `20M`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    scaled(text, &[("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9)])
        .ok_or_else(|| "expected a number above 0, such as 500k or 20M".to_owned())
}

/// `800MB`, `12GiB`, `12G`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const KIB: f64 = 1024.0;
    let units = [
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("KiB", KIB),
        ("MiB", KIB * KIB),
        ("GiB", KIB * KIB * KIB),
        ("TiB", KIB * KIB * KIB * KIB),
        ("k", KIB),
        ("K", KIB),
        ("M", KIB * KIB),
        ("G", KIB * KIB * KIB),
        ("T", KIB * KIB * KIB * KIB),
    ];
    scaled(text, &units).ok_or_else(|| "expected a size with its unit, such as 800MB or 12GiB".to_owned())
}

/// `90`, `90s`, `5m`, `2h`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let units = [("", 1e3), ("ms", 1.0), ("s", 1e3), ("m", 60e3), ("min", 60e3), ("h", 3600e3)];
    let milliseconds = scaled(text, &units).ok_or("expected a time such as 90s, 5m or 2h")?;
    Ok(Duration::from_millis(milliseconds))
}

/// A positive number and one of the units.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim())?;
    let value = number.parse::<f64>().ok()? * scale;
    // Beyond 2^53 a float is no count any more, and nobody has so much of anything.
    (value >= 1.0 && value < 2f64.powi(53)).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale() {
        assert_eq!(count("20M"), Ok(20_000_000));
        assert_eq!(count("1.5k"), Ok(1500));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        assert_eq!(bytes("800MB"), Ok(800_000_000));
        assert_eq!(time("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(time("90"), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn what_is_no_number_above_zero_is_refused() {
        for text in ["", "0", "-1", "M", "1X", "nan", "inf", "1e400", "99999999999999999999G", "1..2", "ü"] {
            assert!(count(text).is_err(), "{text}");
        }
        assert!(bytes("100").is_err(), "bytes need a unit");
        assert!(time("1d").is_err());
    }
}
