//! The allocator of the process.

/// Has all threads of the process allocate from one arena. To be called before there are threads that allocate much.
///
/// A server is one thread. In an arena of its own glibc would make memory usable page by page, with a system call each; the
/// main arena grows by larger steps.
pub(super) fn share_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call sets a parameter of the allocator; it refuses what it does not know.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
