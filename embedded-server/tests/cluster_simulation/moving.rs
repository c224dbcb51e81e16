//! Slots that move at once with their keys between simulated masters: the last question of the source, its answer, and what
//! the source does when one of them is lost. Until then nothing has changed that anybody could see.

use embedded_server::cluster::{NodeId, SlotSet};

use crate::world::{Happening, TIMEOUT_MS, World};

/// A source asks again after so long whether the slots are taken, and gives up after so long.
const AGAIN_MS: i64 = 50;
const HELD_MS: i64 = 10_000;

/// The last question of a migration, and what became of it.
pub(crate) struct Move {
    from: usize,
    to: usize,
    names: [NodeId; 2],
    slots: SlotSet,
    /// Both nodes' lives: with either ends the connection.
    incarnations: [u64; 2],
    asked_ms: i64,
    epoch_of_source: u64,
    /// The epoch of the claim, once the target has the slots.
    taken: Option<u64>,
}

impl World {
    /// Holds writers back and asks the target to take the slots; says whether the source may.
    pub(crate) fn begin_move(&mut self, from: usize, to: usize, slots: SlotSet) -> bool {
        let [Some(source), Some(target)] = [from, to].map(|node| self.nodes[node].cluster.as_ref())
        else {
            return false;
        };
        let names = [source, target].map(|cluster| cluster.table().me().id);
        if source.check_export(&slots, names[1]).is_err() || !self.nodes[from].held.is_empty() {
            return false;
        }
        let Ok(epoch_of_source) = self.command(from, |cluster| cluster.grant_slots(&slots)) else {
            return false;
        };
        self.note(&format!("node {from} asks {to} to take {slots}"));
        self.nodes[from].held = slots.clone();
        let question = Move {
            from,
            to,
            names,
            slots,
            incarnations: [from, to].map(|node| self.nodes[node].incarnation),
            asked_ms: self.now_ms,
            epoch_of_source,
            taken: None,
        };
        match self.transit(from, to) {
            Some(ms) => self.schedule(ms, Happening::Asked(question)),
            None => self.schedule(TIMEOUT_MS, Happening::Unanswered(question)),
        }
        true
    }

    /// The target takes the slots, if it may.
    pub(crate) fn asked(&mut self, mut question: Move) {
        let Move { from, to, .. } = question;
        let stands = self.lives(&question) == [true, true];
        let may_take = |world: &Self| {
            let target = world.nodes[to].cluster.as_ref()?;
            let is_free = target
                .check_take(&question.slots, question.names[0])
                .is_ok();
            (stands && is_free).then_some(())
        };
        if may_take(self).is_some() {
            let sent = self.nodes[from].log.iter();
            let moved = sent.filter(|(_, slot)| question.slots.has(*slot)).copied();
            let moved: Vec<_> = moved.collect();
            self.nodes[to].log.extend(moved);
            let (slots, epoch) = (&question.slots, question.epoch_of_source);
            let taken = self.command(to, |cluster| cluster.take_slots(slots, epoch));
            question.taken = Some(taken);
        }
        match self.transit(to, from) {
            Some(ms) => self.schedule(ms, Happening::Answered(question)),
            None => self.schedule(AGAIN_MS, Happening::Unanswered(question)),
        }
    }

    /// Whether the two nodes have been up since the question.
    fn lives(&self, question: &Move) -> [bool; 2] {
        let nodes = [question.from, question.to].map(|index| &self.nodes[index]);
        let lives = |side: usize| {
            nodes[side].cluster.is_some() && nodes[side].incarnation == question.incarnations[side]
        };
        [lives(0), lives(1)]
    }

    /// The source asks again. What a target has forgotten with its life it denies.
    pub(crate) fn unanswered(&mut self, mut question: Move) {
        let [source, target] = self.lives(&question);
        if !source {
            return;
        }
        if self.now_ms - question.asked_ms > HELD_MS {
            self.note(&format!("node {} has no answer and goes on", question.from));
            return self.let_go(question.from, &question.slots);
        }
        match self.transit(question.from, question.to) {
            Some(ms) if self.is_up(question.to) => {
                question.taken = question.taken.filter(|_| target);
                self.schedule(2 * ms, Happening::Answered(question));
            }
            _ => self.schedule(AGAIN_MS, Happening::Unanswered(question)),
        }
    }

    pub(crate) fn answered(&mut self, question: Move) {
        if !self.lives(&question)[0] {
            return;
        }
        let Move {
            from,
            names,
            slots,
            taken,
            ..
        } = question;
        if let Some(epoch) = taken {
            self.command(from, |cluster| cluster.cede_slots(&slots, names[1], epoch));
        }
        self.note(&format!("node {from} knows: {taken:?}"));
        self.let_go(from, &slots);
    }

    fn let_go(&mut self, source: usize, slots: &SlotSet) {
        self.command(source, |cluster| cluster.keep_slots(slots));
        self.nodes[source].held = SlotSet::default();
    }
}
