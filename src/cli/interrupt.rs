//! Ctrl-C and SIGTERM: the first asks the run to stop and keeps what it measured, the second stops at once.

use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Exit, terminal};
use crate::runner::Interrupt;

/// A switch that signals pull. They are waited for on a thread of their own, which ends with the process.
pub(super) fn on_signals() -> Interrupt {
    let interrupt = Interrupt::new();
    let pulled = interrupt.clone();
    // Without a thread or signals to wait for, the system's default stands: Ctrl-C ends the process.
    let _ = thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || wait(&pulled));
    interrupt
}

fn wait(interrupt: &Interrupt) {
    let Ok(runtime) = Builder::new_current_thread().enable_io().build() else {
        return;
    };
    runtime.block_on(async {
        // A file beyond `ulimit -f` shall be an error of the write, which can be told, and not the end of the process.
        let _too_large = signal(SignalKind::from_raw(libc::SIGXFSZ));
        let (Ok(mut ctrl_c), Ok(mut stop)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return;
        };
        either(&mut ctrl_c, &mut stop).await;
        interrupt.pull();
        terminal::note(
            "stopping; what was measured is kept (once more to stop at once and lose it)",
        );
        either(&mut ctrl_c, &mut stop).await;
        // Leaves no half of a live view behind.
        terminal::note("stopped");
        std::process::exit(Exit::Interrupted as i32);
    });
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) fn wait_for_signal() -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut ctrl_c = signal(SignalKind::interrupt())?;
        let mut stop = signal(SignalKind::terminate())?;
        either(&mut ctrl_c, &mut stop).await;
        Ok(())
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
