//! Times for people.

const NANOS: i128 = 1_000_000_000;

/// Nanoseconds since the epoch as `2026-11-22 10:44:53.070387 UTC`, cut to the microsecond.
pub(super) fn utc(nanos: i128) -> String {
    let seconds = nanos.div_euclid(NANOS);
    let micros = nanos.rem_euclid(NANOS) / 1000;
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} UTC")
}

/// The same of seconds, to the nearest microsecond.
pub(super) fn utc_of_seconds(seconds: f64) -> String {
    utc((seconds * 1e6).round() as i128 * 1000)
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01.
///
/// Counted in years that begin in March, so that a leap day is the last of its year, and in eras of 400 years, which
/// all have 146097 days.
fn civil(days: i128) -> (i128, i128, i128) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + i128::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_date_prints() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00.000000 UTC"),
            (951_782_400, "2000-02-29 00:00:00.000000 UTC"),
            (1_795_327_693, "2026-11-22 06:08:13.000000 UTC"),
            (-1, "1969-12-31 23:59:59.000000 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00.000000 UTC"),
        ] {
            assert_eq!(utc(seconds * NANOS), expected);
        }
        assert_eq!(utc_of_seconds(1.000_001), "1970-01-01 00:00:01.000001 UTC");
    }
}
