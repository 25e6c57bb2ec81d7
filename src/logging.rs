//! The log: lines on standard error, for those who have asked for them by `--verbose` or `GLACIER_LOG`.
//!
//! Only what this program says itself goes there. Libraries that it uses write, at their finest levels, the headers of
//! requests and the lines of AWS's files, in which secrets stand: no filter lets these through.

use std::fmt;

use time::OffsetDateTime;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::types::{escaped, quoted};

/// What the names of all events of this program begin with.
const OWN: &str = "glacier_engine";

/// The filter cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "GLACIER_LOG={} is no filter: it takes error, warn, info, debug, trace or off, or such as glacier_engine::service=debug, with commas between; nothing is logged",
    quoted(.0)
)]
pub struct BadFilter(String);

/// Lets the log of this process begin, if anyone wants it: what `filter` lets through, in the form of
/// [`EnvFilter`]; and what `verbosity` asks for: from 1 on what happens on the way, from 2 on every request to Glacier.
/// Without either there is none. `writer` gets each line as a whole.
///
/// # Errors
///
/// When the filter makes no sense; `verbosity` holds all the same.
pub fn start<W>(
    program: &'static str,
    verbosity: u8,
    filter: Option<&str>,
    writer: W,
) -> Result<(), BadFilter>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let read = filter.map(read).transpose();
    let is_dated = matches!(read, Ok(Some(_)));
    let (chosen, outcome) = match read {
        Ok(chosen) => (chosen, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let asked = match verbosity {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    if chosen.is_some() || verbosity > 0 {
        let chosen = chosen.unwrap_or_else(|| EnvFilter::new("off"));
        let own = filter_fn(|metadata| metadata.target().split("::").next() == Some(OWN));
        let filter = FilterExt::<Registry>::or(chosen, asked).and(own);
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Line { program, is_dated })
            .with_ansi(false)
            // It would go where the lines could not.
            .log_internal_errors(false)
            .with_writer(writer);
        // A process has one log; whoever began it first has it.
        let _ = tracing::subscriber::set_global_default(Registry::default().with(lines.with_filter(filter)));
    }
    outcome
}

/// Reads a filter. A word that is no level would be taken for the name of a library, and nothing be logged.
fn read(text: &str) -> Result<EnvFilter, BadFilter> {
    let bad = || BadFilter(text.to_owned());
    let makes_sense = |part: &str| {
        let name = part.split(['=', '[']).next().unwrap_or_default();
        part.is_empty() || part.parse::<LevelFilter>().is_ok() || name.is_empty() || name.starts_with(OWN)
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if !parts.iter().copied().all(makes_sense) {
        return Err(bad());
    }
    EnvFilter::builder().parse(parts.join(",")).map_err(|_| bad())
}

/// One line an event, in the form of the other words of the program; dated where the filter may have come from a
/// setting that holds for long, with the process, as several may write to one place.
struct Line {
    program: &'static str,
    is_dated: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = String::new();
        context.format_fields(Writer::new(&mut said), event)?;
        let (program, level) = (self.program, name(*event.metadata().level()));
        if self.is_dated {
            write!(writer, "{} {program}[{}]", now(), std::process::id())?;
        } else {
            write!(writer, "{program}")?;
        }
        writeln!(writer, ": {level}: {}", escaped(&said))
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn now() -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    OffsetDateTime::now_utc().format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt;

    use super::{Line, read};

    #[test]
    fn a_filter_that_would_say_nothing_is_refused() {
        for good in [
            "info",
            "DEBUG",
            "off",
            "3",
            "glacier_engine=debug",
            "info, glacier_engine::service=trace",
            "glacier_engine::engine",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in ["verbose", "info,all", "hyper=trace", "glacier_engine=loud"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    /// What others wrote, such as the id that whoever answers gives a request, must neither end a line nor steer a
    /// terminal.
    #[test]
    fn an_event_is_one_line_of_plain_text() {
        let file = Arc::new(tempfile::tempfile().expect("a file"));
        let line = Line { program: "glacier", is_dated: false };
        let layer = tracing_subscriber::fmt::layer().event_format(line).with_ansi(false);
        let layer = layer.with_writer(Arc::clone(&file));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("id {}", "a\nglacier: \u{1b}[31mred\u{202e}");
        });
        let mut written = String::new();
        (&*file).rewind().expect("a file");
        (&*file).read_to_string(&mut written).expect("text");
        assert_eq!(written, "glacier: info: id a\\x0aglacier: \\x1b[31mred\\u202e\n");
    }
}
