//! Dates as HTTP spells them.

use std::str::SplitAsciiWhitespace;
use std::time::Duration;

use xous_api_websocket::certificate::Moment;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time since 1970 as an IMF-fixdate (RFC 9110 section 5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn date(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let Moment { year, month, day, hour, minute, second } = Moment::from_unix_seconds(seconds);
    let name = |names: &[&'static str], at: u64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    let (week_day, month) =
        (name(&DAYS, seconds / 86_400 % 7), name(&MONTHS, u64::from(month.saturating_sub(1))));
    format!("{week_day}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The time since 1970 that a date stands for, in any of the three forms that a recipient has to understand (RFC 9110
/// section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`. A year of
/// two digits is at most 50 years later than `near`. The day of the week says nothing new and is passed over.
pub(crate) fn parse(text: &str, near: Duration) -> Option<Duration> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    let moment = match first.strip_suffix(',') {
        None => asctime(&mut words)?,
        Some(_) => {
            let second = words.next()?;
            let (day, month, year) = match second.split_once('-') {
                None => (second, words.next()?, number(words.next()?, 4)?),
                Some((day, rest)) => {
                    let (month, year) = rest.split_once('-')?;
                    (day, month, whole_year(number(year, 2)?, near))
                }
            };
            let moment = moment(year, month, number(day, 2)?, words.next()?)?;
            (words.next()? == "GMT").then_some(moment)?
        }
    };
    words.next().is_none().then(|| Duration::from_secs(moment.unix_seconds()))
}

/// Behind the day of the week: month, day, time, year.
fn asctime(words: &mut SplitAsciiWhitespace<'_>) -> Option<Moment> {
    let (month, day, time) = (words.next()?, words.next()?, words.next()?);
    let day = number(day, 2).or_else(|| number(day, 1))?;
    moment(number(words.next()?, 4)?, month, day, time)
}

/// `None` for what the calendar or the clock does not have.
fn moment(year: u16, month: &str, day: u16, time: &str) -> Option<Moment> {
    let month = MONTHS.iter().position(|name| *name == month)?;
    let mut parts = time.split(':');
    let mut part = |most| number(parts.next()?, 2).filter(|part| *part <= most).map(|part| part as u8);
    // A leap second is the last of its minute here.
    let (hour, minute, second) = (part(23)?, part(59)?, part(60)?.min(59));
    let moment = Moment { year, month: month as u8 + 1, day: u8::try_from(day).ok()?, hour, minute, second };
    let is_one = Moment::from_unix_seconds(moment.unix_seconds()) == moment;
    (is_one && parts.next().is_none()).then_some(moment)
}

/// The year that ends with these two digits.
fn whole_year(digits: u16, near: Duration) -> u16 {
    let this = Moment::from_unix_seconds(near.as_secs()).year;
    let year = this - this % 100 + digits;
    match year {
        _ if year > this + 50 => year.saturating_sub(100),
        _ if year + 50 <= this => year + 100,
        _ => year,
    }
}

/// A number of so many digits.
fn number(text: &str, digits: usize) -> Option<u16> {
    let is_one = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of 2027.
    const NEAR: Duration = Duration::from_secs(1_798_761_600);

    fn seconds(text: &str) -> Option<u64> {
        parse(text, NEAR).map(|date| date.as_secs())
    }

    #[test]
    fn all_three_forms_say_the_same() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        for seconds_since in (0..4_000_000_000).step_by(86_399 * 97) {
            assert_eq!(seconds(&date(Duration::from_secs(seconds_since))), Some(seconds_since));
        }
        assert_eq!(seconds("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_799), "a leap second");
        for (year, whole) in [("77", "2077"), ("78", "1978"), ("26", "2026"), ("00", "2000")] {
            let (short, long) =
                (format!("Mon, 01-Mar-{year} 00:00:00 GMT"), format!("Mon, 01 Mar {whole} 00:00:00 GMT"));
            assert!(seconds(&short).is_some() && seconds(&short) == seconds(&long), "{short}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "120",
            "Sun,",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT too",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 2100 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov 08:49:37 GMT",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Fri, 31 Dec 1869 23:59:59 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ] {
            assert_eq!(date(Duration::from_secs(seconds)), text);
        }
    }
}
