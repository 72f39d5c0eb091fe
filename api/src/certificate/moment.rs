//! Seconds and the calendar.

use std::fmt;

const DAY: u64 = 24 * 60 * 60;
/// The last second of the year 9999, counted from 1970.
const LAST: u64 = 253_402_300_799;

/// A second of the calendar, UTC, as a certificate gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs)] // the calendar has nothing else
pub struct Moment {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Moment {
    /// The moment so many seconds after the beginning of 1970; the last one of the year 9999 for all that is later.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let seconds = seconds.min(LAST);
        let (days, time) = (seconds / DAY, seconds % DAY);
        // From 1 March of the year 0, in eras of 400 years; years begin in March, as below.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = (from_march + 2) % 12;
        Moment {
            year: (era * 400 + year + u64::from(from_march >= 10)) as u16,
            month: month as u8 + 1,
            day: (day_of_year - (153 * from_march + 2) / 5) as u8 + 1,
            hour: (time / 3600) as u8,
            minute: (time / 60 % 60) as u8,
            second: (time % 60) as u8,
        }
    }

    /// Seconds since 1970, UTC, without leap seconds; 0 for what was before.
    pub fn unix_seconds(self) -> u64 {
        // Years begin in March here, so that the leap day is their last.
        let past = i64::from(self.year) - i64::from(self.month <= 2);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let days = past * 365 + past / 4 - past / 100 + past / 400 + day_of_year - 719_468;
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        u64::try_from(days * 86_400 + seconds).unwrap_or(0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { year, month, day, hour, minute, .. } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_moments_are_the_same() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59 UTC"),
            (1_709_251_200, "2024-03-01 00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (LAST, "9999-12-31 23:59 UTC"),
        ] {
            let moment = Moment::from_unix_seconds(seconds);
            assert_eq!((moment.to_string(), moment.unix_seconds()), (text.to_owned(), seconds));
        }
        for day in 0..150_000 {
            let seconds = day * DAY + day % DAY;
            assert_eq!(Moment::from_unix_seconds(seconds).unix_seconds(), seconds);
        }
        assert_eq!(Moment::from_unix_seconds(u64::MAX).unix_seconds(), LAST);
    }
}
