//! A terminal with a program on it, and what stands on its screen.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const ROWS: u16 = 24;
/// How long something on the screen is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Terminal {
    controller: File,
    said: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    session: Child,
    /// How the command has ended, as a shell shows it.
    status: Option<i32>,
    /// All that was written, with what moves the cursor.
    pub raw: Vec<u8>,
}

/// What the shell writes when the command has ended, before the status: nothing that a terminal shows.
const ENDED: &str = "\x1b]9;ended ";
/// Runs the command as a person's shell does, which outlives it: when the first process of a session ends, the terminal
/// drops what it has not passed on yet, and a busy machine lost the last line.
const SHELL: &str = r#"trap : INT TERM; "$@"; printf '\033]9;ended %s\007' "$?" >/dev/tty; exec sleep 600"#;

impl Terminal {
    /// Runs the command on a terminal of so many columns, which is its controlling terminal: what is typed becomes
    /// signals.
    pub fn start(command: &Command, columns: u16) -> Self {
        Self::start_with(command, columns, None)
    }

    /// The same with standard output elsewhere.
    pub fn start_with(command: &Command, columns: u16, stdout: Option<Stdio>) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let terminal = || {
            let flags = OFlags::RDWR | OFlags::NOCTTY;
            Stdio::from(rustix::fs::open(&name, flags, Mode::empty()).unwrap())
        };
        let mut session = Command::new("setsid");
        // Whoever runs the tests in the background ignores Ctrl-C, and all whom they start would, too.
        session
            .args(["--ctty", "env", "--default-signal=INT,HUP", "sh", "-c", SHELL, "sh"])
            .arg(command.get_program())
            .args(command.get_args());
        session.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        session.env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm-256color");
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        session.current_dir(command.get_current_dir().unwrap());
        session.stdin(terminal()).stderr(terminal()).stdout(stdout.unwrap_or_else(terminal));
        let child = session.spawn().unwrap();
        let controller = File::from(controller);
        let said = reading(controller.try_clone().unwrap());
        let screen = vt100::Parser::new(ROWS, columns, 1000);
        Self { controller, said, screen, session: child, status: None, raw: Vec::new() }
    }

    pub fn screen(&self) -> String {
        self.screen.screen().contents()
    }

    pub fn type_in(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// The command itself, behind the shell.
    pub fn command(&self) -> rustix::process::Pid {
        let leader = self.session.id();
        let children = std::fs::read_to_string(format!("/proc/{leader}/task/{leader}/children")).unwrap();
        let child = children.split_whitespace().next().unwrap().parse().unwrap();
        rustix::process::Pid::from_raw(child).unwrap()
    }

    pub fn is_over(&mut self) -> bool {
        while let Ok(said) = self.said.try_recv() {
            self.take(&said);
        }
        self.status.is_some()
    }

    /// Returns the screen as soon as it is as wanted.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(self.hear(), "it ended with this on the screen:\n{screen}");
        }
    }

    /// Takes in what was written. Returns whether there may be more.
    #[track_caller]
    pub fn hear(&mut self) -> bool {
        if self.status.is_some() {
            return false;
        }
        match self.said.recv_timeout(PATIENCE) {
            Ok(said) => {
                self.take(&said);
                true
            }
            Err(error) => panic!("nothing more came ({error}); on the screen is:\n{}", self.screen()),
        }
    }

    fn take(&mut self, said: &[u8]) {
        self.screen.process(said);
        self.raw.extend(said);
        let begins = self.raw.windows(ENDED.len()).position(|window| window == ENDED.as_bytes());
        if let Some(begins) = begins
            && let Some(status) = self.raw[begins + ENDED.len()..].strip_suffix(b"\x07")
        {
            self.status = str::from_utf8(status).unwrap().parse().ok();
            self.raw.truncate(begins);
        }
    }

    /// Closes it, as one does with a window, while the command is at work. Whoever reads from it has it open, too, so this
    /// is what the last of them would bring about.
    pub fn close(mut self) {
        let leader = rustix::process::Pid::from_child(&self.session);
        rustix::process::kill_process(leader, rustix::process::Signal::HUP).unwrap();
        self.session.wait().unwrap();
    }

    /// Waits for the end. Returns what is left on the screen, and the status as a shell shows it.
    #[track_caller]
    pub fn end(mut self) -> (String, i32) {
        while self.hear() {}
        (self.screen(), self.status.unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.session.kill();
        let _ = self.session.wait();
    }
}

/// Reading fails when the last who has the terminal open is gone.
fn reading(mut controller: File) -> Receiver<Vec<u8>> {
    let (sender, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = controller.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    said
}
