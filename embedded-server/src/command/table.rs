//! The one table of commands: dispatch, COMMAND, later ACL and cluster routing all read it.
//!
//! Each group of commands contributes its rows; [`table`] joins them once, with a hash table over the names, so that
//! finding a command takes no allocation and one or two probes.

use std::sync::OnceLock;

use super::Handler;

/// What a command does and when it may run, one bit each; the names are those of COMMAND INFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Changes the data set.
    pub const WRITE: Self = Self(1);
    /// Reads keys and changes none.
    pub const READONLY: Self = Self(1 << 1);
    /// May need memory; refused when no room can be made.
    pub const DENYOOM: Self = Self(1 << 2);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 3);
    /// Publishing and subscribing.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Not from scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May keep the client waiting.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Allowed while a data set is loaded.
    pub const LOADING: Self = Self(1 << 7);
    /// Allowed on a replica with stale data.
    pub const STALE: Self = Self(1 << 8);
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: Self = Self(1 << 9);
    /// Not noted in SLOWLOG.
    pub const SKIP_SLOWLOG: Self = Self(1 << 10);
    /// Takes constant or logarithmic time.
    pub const FAST: Self = Self(1 << 11);
    /// Allowed before AUTH.
    pub const NO_AUTH: Self = Self(1 << 12);
    /// Keys cannot be told by position alone.
    pub const MOVABLE_KEYS: Self = Self(1 << 13);
    /// Not within MULTI.
    pub const NO_MULTI: Self = Self(1 << 14);
    /// Allowed while a script is overdue.
    pub const ALLOW_BUSY: Self = Self(1 << 15);
    /// Not while a data set is loaded beside the one served.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 16);
    /// Has key positions but may come without keys.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 17);
    /// May be passed on to replicas without being a write. Not told by COMMAND INFO.
    pub const MAY_REPLICATE: Self = Self(1 << 18);
    /// ACL category `dangerous`, beyond what the flags above imply.
    pub const DANGEROUS: Self = Self(1 << 19);
    /// Works on a slot that is being imported as if ASKING had come before it.
    pub const ASKING: Self = Self(1 << 20);

    const NAMES: &[(Self, &'static str)] = &[
        (Self::WRITE, "write"),
        (Self::READONLY, "readonly"),
        (Self::DENYOOM, "denyoom"),
        (Self::ADMIN, "admin"),
        (Self::PUBSUB, "pubsub"),
        (Self::NOSCRIPT, "noscript"),
        (Self::BLOCKING, "blocking"),
        (Self::LOADING, "loading"),
        (Self::STALE, "stale"),
        (Self::SKIP_MONITOR, "skip_monitor"),
        (Self::SKIP_SLOWLOG, "skip_slowlog"),
        (Self::FAST, "fast"),
        (Self::ASKING, "asking"),
        (Self::NO_AUTH, "no_auth"),
        (Self::MOVABLE_KEYS, "movablekeys"),
        (Self::NO_MULTI, "no_multi"),
        (Self::ALLOW_BUSY, "allow_busy"),
        (Self::NO_ASYNC_LOADING, "no_async_loading"),
        (Self::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Their names, as COMMAND INFO lists them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .filter(move |(flag, _)| self.has(*flag))
            .map(|&(_, name)| name)
    }
}

/// Joins flags within a `const` table: `flags![WRITE, DENYOOM]`.
macro_rules! flags {
    ($($flag:ident),* $(,)?) => {
        $crate::command::table::Flags::NONE$(.and($crate::command::table::Flags::$flag))*
    };
}
pub(crate) use flags;

/// The group a command is documented under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    PubSub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// Its name in COMMAND DOCS.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }

    /// Its ACL category, where it has one of its own.
    #[must_use]
    pub const fn acl_category(self) -> Option<&'static str> {
        Some(match self {
            Self::Bitmap => "bitmap",
            Self::Connection => "connection",
            Self::Generic => "keyspace",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Set => "set",
            Self::SortedSet => "sortedset",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transaction",
            Self::Cluster | Self::Server => return None,
        })
    }
}

/// Which arguments are keys, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keys {
    /// The first key; 0 when the command has none. Position 0 is the command's name.
    pub first: i16,
    /// The last key; negative counts from the end, -1 being the last argument.
    pub last: i16,
    /// From one key to the next.
    pub step: i16,
}

impl Keys {
    /// No argument is a key.
    pub const NONE: Self = Self {
        first: 0,
        last: 0,
        step: 0,
    };
    /// The first argument is the only key.
    pub const ONE: Self = Self {
        first: 1,
        last: 1,
        step: 1,
    };
    /// The first two arguments are keys.
    pub const TWO: Self = Self {
        first: 1,
        last: 2,
        step: 1,
    };
    /// Every argument is a key.
    pub const ALL: Self = Self {
        first: 1,
        last: -1,
        step: 1,
    };
    /// Every other argument, beginning with the first, is a key.
    pub const PAIRS: Self = Self {
        first: 1,
        last: -1,
        step: 2,
    };
    /// The argument after the subcommand's name is the only key.
    pub const SECOND: Self = Self {
        first: 2,
        last: 2,
        step: 1,
    };

    /// The positions of the keys among `arguments` (counting the name).
    pub fn positions(self, arguments: usize) -> impl Iterator<Item = usize> + use<> {
        let first = usize::try_from(self.first).unwrap_or(0);
        let step = usize::try_from(self.step).unwrap_or(0).max(1);
        let last = match usize::try_from(self.last) {
            Ok(last) => last,
            Err(_) => arguments.saturating_sub(usize::from(self.last.unsigned_abs())),
        };
        let past = if first == 0 {
            0
        } else {
            (last + 1).min(arguments)
        };
        (first..past).step_by(step)
    }
}

/// Finds words that positions alone cannot tell, keys or secrets: writes their positions among the arguments.
pub type FindWords = fn(&super::Arguments<'_>, &mut Vec<usize>);

/// One command, or one subcommand of a container.
#[derive(Debug)]
pub struct CommandSpec {
    /// In lower case, without the container's name.
    pub name: &'static str,
    /// How many arguments, counting the name (and the container's); negative: at least so many.
    pub arity: i16,
    /// What it does and when it may run.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: Keys,
    /// For commands with [`Flags::MOVABLE_KEYS`].
    pub find_keys: Option<FindWords>,
    /// Where its words may hold a password.
    pub find_secrets: Option<FindWords>,
    /// The group it is documented under.
    pub group: Group,
    /// The ACL category of what it works on, if it has one.
    pub category: Option<&'static str>,
    /// Further ACL categories, of a command that works on several types.
    pub further: &'static [&'static str],
    /// The version of Redis it came with.
    pub since: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Carries it out. For a container: called when no subcommand has that name.
    pub handler: Handler,
    /// The subcommands of a container.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    /// A command without keys and flags, to be refined by the methods below.
    #[must_use]
    pub const fn new(name: &'static str, arity: i16, group: Group, handler: Handler) -> Self {
        Self {
            name,
            arity,
            flags: Flags::NONE,
            keys: Keys::NONE,
            find_keys: None,
            find_secrets: None,
            group,
            category: group.acl_category(),
            further: &[],
            since: "1.0.0",
            summary: "",
            handler,
            subcommands: &[],
        }
    }

    /// With these flags.
    #[must_use]
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// With keys at these positions.
    #[must_use]
    pub const fn keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// With keys that `find` tells.
    #[must_use]
    pub const fn find_keys(mut self, find: FindWords) -> Self {
        self.find_keys = Some(find);
        self.flags = self.flags.and(Flags::MOVABLE_KEYS);
        self
    }

    /// With passwords that `find` tells.
    #[must_use]
    pub const fn find_secrets(mut self, find: FindWords) -> Self {
        self.find_secrets = Some(find);
        self
    }

    /// In another ACL category than its group's, or in none.
    #[must_use]
    pub const fn category(mut self, category: Option<&'static str>) -> Self {
        self.category = category;
        self
    }

    /// In further ACL categories.
    #[must_use]
    pub const fn further(mut self, categories: &'static [&'static str]) -> Self {
        self.further = categories;
        self
    }

    /// Documented by the version it came with and a sentence.
    #[must_use]
    pub const fn about(mut self, since: &'static str, summary: &'static str) -> Self {
        self.since = since;
        self.summary = summary;
        self
    }

    /// With subcommands. A container that is no command by itself works on nothing, so it has no category.
    #[must_use]
    pub const fn subcommands(mut self, subcommands: &'static [CommandSpec]) -> Self {
        if self.arity != -1 {
            self.category = None;
        }
        self.subcommands = subcommands;
        self
    }

    /// Whether a command of `arguments` words, counting the name, has the right number of them.
    #[must_use]
    #[inline]
    pub fn accepts(&self, arguments: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 {
            arguments >= arity
        } else {
            arguments == arity
        }
    }
}

/// A command's or subcommand's number, dense from 0; statistics are kept by it.
pub type CommandId = usize;

/// A row of the joined table.
#[derive(Debug)]
pub struct Command {
    /// Its number.
    pub id: CommandId,
    /// `get`, or `config|set`.
    pub full_name: String,
    /// What it is.
    pub spec: &'static CommandSpec,
    /// Its subcommands, by number.
    pub subcommands: std::ops::Range<CommandId>,
    /// The container it belongs to.
    pub container: Option<CommandId>,
    /// The position of a field or member that it looks for in its only key, as a hint; it may be an option.
    pub member: Option<usize>,
    /// Whether a call takes about constant time, so that not each one need be timed. Redis's `fast` leaves out SET and
    /// its kin, which are as brief.
    pub is_brief: bool,
    /// Whether it runs at once even within a transaction.
    pub steers_transaction: bool,
}

/// All commands, findable by name.
#[derive(Debug)]
pub struct Table {
    /// Commands and, behind them, subcommands; the index is the [`CommandId`].
    commands: Vec<Command>,
    /// How many of them are no subcommands.
    top_level: usize,
    /// Open addressing over the names of top-level commands: [`CommandId`] + 1, or 0 for an empty slot.
    slots: Vec<u16>,
}

/// The joined table, made on first use.
#[must_use]
pub fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(super::GROUPS))
}

impl Table {
    fn new(groups: &[&'static [CommandSpec]]) -> Self {
        let mut commands: Vec<Command> = Vec::new();
        for spec in groups.iter().copied().flatten() {
            commands.push(Command::new(
                commands.len(),
                spec.name.to_owned(),
                spec,
                None,
            ));
        }
        let top_level = commands.len();
        for container in 0..top_level {
            let Some(parent) = commands.get(container) else {
                break;
            };
            let (name, subcommands) = (parent.full_name.clone(), parent.spec.subcommands);
            let first = commands.len();
            for spec in subcommands {
                let full_name = format!("{name}|{}", spec.name);
                commands.push(Command::new(
                    commands.len(),
                    full_name,
                    spec,
                    Some(container),
                ));
            }
            let past = commands.len();
            if let Some(parent) = commands.get_mut(container) {
                parent.subcommands = first..past;
            }
        }
        let mut table = Self {
            commands,
            top_level,
            slots: vec![0; (top_level * 4).next_power_of_two()],
        };
        (0..top_level).for_each(|id| table.enter(id));
        table
    }

    fn enter(&mut self, id: CommandId) {
        let Some(command) = self.commands.get(id) else {
            return;
        };
        let mut slot = hash(command.spec.name.as_bytes());
        let mask = self.slots.len() - 1;
        while let Some(taken) = self.slots.get_mut(slot & mask) {
            if *taken == 0 {
                *taken = u16::try_from(id + 1).unwrap_or(0);
                return;
            }
            slot += 1;
        }
    }

    /// The top-level command of that name, in whatever case.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&Command> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(name);
        loop {
            let id = usize::from(*self.slots.get(slot & mask)?).checked_sub(1)?;
            let command = self.commands.get(id)?;
            if name.eq_ignore_ascii_case(command.spec.name.as_bytes()) {
                return Some(command);
            }
            slot += 1;
        }
    }

    /// The subcommand of `container` of that name, in whatever case.
    #[must_use]
    pub fn find_subcommand(&self, container: &Command, name: &[u8]) -> Option<&Command> {
        let subcommands = self.commands.get(container.subcommands.clone())?;
        subcommands
            .iter()
            .find(|command| name.eq_ignore_ascii_case(command.spec.name.as_bytes()))
    }

    /// The command that a whole line means: a top-level one or, where the second word names one, a subcommand.
    #[must_use]
    pub fn resolve(&self, arguments: &super::Arguments<'_>) -> Option<&Command> {
        Some(self.meant(self.find(&arguments[0])?, arguments))
    }

    /// The subcommand of `command` that the second word names, or the command itself.
    #[must_use]
    #[inline]
    pub fn meant<'a>(
        &'a self,
        command: &'a Command,
        arguments: &super::Arguments<'_>,
    ) -> &'a Command {
        let subcommand = arguments
            .get(1)
            .and_then(|name| self.find_subcommand(command, name));
        subcommand.unwrap_or(command)
    }

    /// The top-level commands, in the order of their groups.
    #[must_use]
    pub fn top_level(&self) -> &[Command] {
        self.commands.get(..self.top_level).unwrap_or_default()
    }

    /// Commands and subcommands; the index is the [`CommandId`].
    #[must_use]
    pub fn all(&self) -> &[Command] {
        &self.commands
    }

    /// The subcommands of `container`.
    #[must_use]
    pub fn subcommands(&self, container: &Command) -> &[Command] {
        self.commands
            .get(container.subcommands.clone())
            .unwrap_or_default()
    }
}

impl Command {
    fn new(
        id: CommandId,
        full_name: String,
        spec: &'static CommandSpec,
        container: Option<CommandId>,
    ) -> Self {
        let one_string = matches!(spec.group, Group::String) && spec.keys == Keys::ONE;
        // SLOWLOG RESET and LATENCY RESET are other commands than RESET.
        let steers_transaction = container.is_none()
            && matches!(
                spec.name,
                "multi" | "exec" | "discard" | "watch" | "quit" | "reset"
            );
        let member = match spec.group {
            _ if spec.keys != Keys::ONE || spec.arity.abs() < 3 => None,
            Group::Hash | Group::Set => Some(2),
            Group::SortedSet if matches!(spec.name, "zadd" | "zincrby") => Some(3),
            Group::SortedSet => Some(2),
            _ => None,
        };
        let is_brief = spec.flags.has(Flags::FAST) || one_string;
        Self {
            id,
            full_name,
            spec,
            subcommands: 0..0,
            container,
            member,
            is_brief,
            steers_transaction,
        }
    }

    /// Whether its name alone tells it: it has no subcommands and is none.
    #[inline]
    pub(crate) fn stands_alone(&self) -> bool {
        self.subcommands.is_empty() && self.container.is_none()
    }

    /// Calls `visit` with every key that is told by position.
    #[inline]
    pub fn for_each_key<'a>(
        &self,
        arguments: &super::Arguments<'a>,
        mut visit: impl FnMut(&'a [u8]),
    ) {
        let keys = self.spec.keys;
        if keys.first == keys.last {
            if let Some(key) = self.first_key().and_then(|at| arguments.get(at)) {
                visit(key);
            }
        } else {
            let positions = keys.positions(arguments.len());
            positions.filter_map(|at| arguments.get(at)).for_each(visit);
        }
    }

    /// The position of the first key, if keys are told by position.
    #[must_use]
    #[inline]
    pub fn first_key(&self) -> Option<usize> {
        usize::try_from(self.spec.keys.first)
            .ok()
            .filter(|first| *first > 0)
    }

    /// Writes the positions of the keys among `arguments`.
    pub fn key_positions(&self, arguments: &super::Arguments<'_>, positions: &mut Vec<usize>) {
        positions.clear();
        match self.spec.find_keys {
            Some(find) => find(arguments, positions),
            None => positions.extend(self.spec.keys.positions(arguments.len())),
        }
    }
}

/// A hash of a name that does not heed case: FNV-1a over its bytes with the case bit set.
#[inline]
fn hash(name: &[u8]) -> usize {
    let hash = name.iter().take(32).fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte | 0x20)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 15)) as usize
}
