//! Lists: as a row of strings, one ziplist, or a row of blocks. Written as blocks of 8 KiB.

use super::wire::{Input, Output};
use super::{listpack, string, ziplist};
use crate::types::{End, Limits, List, Member};

/// How a node of a row of blocks is stored: its only element as it is, or a listpack.
const NODE_PLAIN: u64 = 1;
const NODE_PACKED: u64 = 2;
/// Where a block is closed.
const NODE_BYTES: usize = 8 * 1024;

pub(super) fn write(output: &mut Output, list: &List) {
    let blocks = blocks(list);
    output.length(blocks.len());
    for block in blocks {
        output.number(NODE_PACKED);
        string::write(output, &block);
    }
}

fn blocks(list: &List) -> Vec<Vec<u8>> {
    let (mut blocks, mut block) = (Vec::new(), None::<listpack::Writer>);
    for element in list.iter() {
        if let Some(full) = block.take_if(|block| block.len() + element.len() > NODE_BYTES) {
            blocks.push(full.finish());
        }
        block
            .get_or_insert_with(listpack::Writer::new)
            .push(element);
    }
    blocks.extend(block.map(listpack::Writer::finish));
    blocks
}

/// A row of strings.
pub(super) fn read_plain(input: &mut Input<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::new();
    for _ in 0..input.plain_length()? {
        list.push(End::Right, &string::read(input)?, limits);
    }
    Some(list)
}

/// One ziplist.
pub(super) fn read_ziplist(input: &mut Input<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::new();
    extend(&mut list, ziplist::read(&string::read(input)?)?, limits);
    Some(list)
}

/// A row of ziplists.
pub(super) fn read_ziplists(input: &mut Input<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::new();
    for _ in 0..input.plain_length()? {
        extend(&mut list, ziplist::read(&string::read(input)?)?, limits);
    }
    Some(list)
}

/// A row of nodes, each a listpack or a single element.
pub(super) fn read_nodes(input: &mut Input<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::new();
    for _ in 0..input.plain_length()? {
        let container = input.plain_length()?;
        let node = string::read(input)?;
        match container {
            NODE_PLAIN if node.is_empty() => return None,
            NODE_PLAIN => list.push(End::Right, &node, limits),
            NODE_PACKED => extend(&mut list, listpack::read(&node)?, limits),
            _ => return None,
        }
    }
    Some(list)
}

fn extend(list: &mut List, elements: Vec<Member<'_>>, limits: &Limits) {
    let mut digits = itoa::Buffer::new();
    for element in elements {
        list.push(End::Right, element.bytes(&mut digits), limits);
    }
}
