//! As much of the lock manager's messages as a kernel needs to hear from a member: the bytes behind the header of a MSG or
//! an RCOM (section 1). What the protocol's reference does not say of their words was read off captures of kernels.

/// Words of a MSG before its block.
const WORDS: usize = 18;
/// Bytes of an RCOM before its payload.
const RCOM_FIXED: usize = 32;
/// Bytes of a lock value block.
const LVB_LEN: u32 = 32;

/// No lock mode.
const MODE_NONE: u32 = u32::MAX;
/// The mode that goes with every other.
const MODE_NULL: u32 = 0;
/// The lock belongs to a process of the sender.
const FLAG_USER: u32 = 1;
/// What a caller waits for: to be told of completion, and of being in the way.
const ASTS: u32 = 3;
/// A lock's status: granted.
const GRANTED: u32 = 2;
/// The result of an unlock that worked.
const UNLOCKED: u32 = 0xfffe_fffe;

/// The type of a MSG, as far as it is understood here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Request,
    Unlock,
    RequestReply,
    UnlockReply,
    Lookup,
    Remove,
    LookupReply,
}

impl Type {
    const ALL: [(u32, Self); 7] = [
        (1, Self::Request),
        (3, Self::Unlock),
        (5, Self::RequestReply),
        (7, Self::UnlockReply),
        (11, Self::Lookup),
        (12, Self::Remove),
        (13, Self::LookupReply),
    ];

    fn code(self) -> u32 {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or(0, |(code, _)| *code)
    }
}

/// A MSG: its words, and the name or value block behind them.
#[derive(Clone, Debug)]
pub(crate) struct Msg {
    words: [u32; WORDS],
    /// The name of a resource (REQUEST, LOOKUP, REMOVE) or a lock value block.
    pub(crate) block: Vec<u8>,
}

impl Msg {
    /// `None` if it is too short.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let (fixed, block) = body.split_at_checked(WORDS * 4)?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(fixed.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(Self { words, block: block.to_vec() })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let words = self.words.iter().flat_map(|word| word.to_le_bytes());
        words.chain(self.block.iter().copied()).collect()
    }

    pub(crate) fn kind(&self) -> Option<Type> {
        let [code, ..] = self.words;
        Type::ALL.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind)
    }

    /// The number of the lock at its sender.
    pub(crate) fn lock(&self) -> u32 {
        let [_, _, _, lock, ..] = self.words;
        lock
    }

    /// The number of the lock at its receiver.
    pub(crate) fn remote(&self) -> u32 {
        let [_, _, _, _, remote, ..] = self.words;
        remote
    }

    /// The hash of the resource's name.
    pub(crate) fn hash(&self) -> u32 {
        let [_, _, _, _, _, _, _, _, _, _, _, hash, ..] = self.words;
        hash
    }

    pub(crate) fn result(&self) -> u32 {
        let [.., result] = self.words;
        result
    }

    fn new(
        kind: Type,
        node: u32,
        [lock, remote]: [u32; 2],
        hash: u32,
        [status, granted, asked, result]: [u32; 4],
    ) -> Self {
        let words = [
            kind.code(),
            node,
            1,
            lock,
            remote,
            0,
            0,
            0,
            0,
            FLAG_USER,
            0,
            hash,
            status,
            granted,
            asked,
            0,
            ASTS,
            result,
        ];
        Self { words, block: Vec::new() }
    }

    /// Asks the master, `node`, for a lock in the null mode.
    pub(crate) fn request(node: u32, lock: u32, resource: &Resource) -> Self {
        let block = resource.name.clone();
        Self { block, ..Self::new(Type::Request, node, [lock, 0], resource.hash, [0, MODE_NONE, MODE_NULL, 0]) }
    }

    /// Gives a lock back to its master, `node`.
    pub(crate) fn unlock(node: u32, [lock, remote]: [u32; 2], hash: u32) -> Self {
        Self::new(Type::Unlock, node, [lock, remote], hash, [GRANTED, MODE_NULL, MODE_NONE, 0])
    }

    /// Says that `master` is the master of what was looked up.
    pub(crate) fn lookup_reply(&self, master: u32) -> Self {
        Self::new(Type::LookupReply, master, [self.lock(), 0], 0, [0; 4])
    }

    /// Grants what was requested, as lock number `own`.
    pub(crate) fn granted(&self, node: u32, own: u32) -> Self {
        let [.., asked, _, _, _] = self.words;
        Self::new(Type::RequestReply, node, [own, self.lock()], self.hash(), [GRANTED, asked, MODE_NONE, 0])
    }

    /// Says that the lock is given back.
    pub(crate) fn unlocked(&self, node: u32) -> Self {
        let ids = [self.remote(), self.lock()];
        Self::new(Type::UnlockReply, node, ids, self.hash(), [0, MODE_NONE, MODE_NONE, UNLOCKED])
    }

    /// Whether it says that an unlock worked.
    pub(crate) fn is_unlocked(&self) -> bool {
        self.result() == UNLOCKED
    }
}

/// What locks are taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Its name.
    pub(crate) name: Vec<u8>,
    /// The kernel's hash of the name, as its LOOKUP says it.
    pub(crate) hash: u32,
}

/// A recovery message that asks.
#[derive(Clone, Debug)]
pub(crate) struct Rcom {
    /// 1 STATUS, 2 NAMES, 3 LOOKUP, 4 LOCK; a reply has 4 more.
    pub(crate) kind: u32,
    id: [u8; 8],
    seq: [u8; 8],
}

impl Rcom {
    pub(crate) const STATUS: u32 = 1;
    pub(crate) const NAMES: u32 = 2;

    /// `None` if it is too short.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let (fixed, _) = body.split_at_checked(RCOM_FIXED)?;
        let kind = u32::from_le_bytes(fixed.get(..4)?.try_into().ok()?);
        Some(Self { kind, id: fixed.get(8..16)?.try_into().ok()?, seq: fixed.get(16..24)?.try_into().ok()? })
    }

    fn reply(&self, result: u32, payload: &[u8]) -> Vec<u8> {
        let own_seq = 1_u64.to_le_bytes();
        let head = [(self.kind + 4).to_le_bytes(), result.to_le_bytes()];
        [head.as_flattened(), &self.id, &own_seq, &self.seq, payload].concat()
    }

    /// How far this member's recovery is: `result`, one bit for each step that it, or that all of them have done. The
    /// lockspace is as kernels have it by default.
    pub(crate) fn status_reply(&self, result: u32) -> Vec<u8> {
        let mut configuration = [0; 32];
        if let Some(length) = configuration.first_chunk_mut() {
            *length = LVB_LEN.to_le_bytes();
        }
        self.reply(result, &configuration)
    }

    /// That this member is master of nothing: the mark of the end, and no name before it.
    pub(crate) fn names_reply(&self) -> Vec<u8> {
        self.reply(0, &[0xff, 0xff, 0, 0, 0, 0, 0, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of `clean-k612`: node 1 asks for the master of `res00007`.
    const LOOKUP: &str = "0b000000ffffffffb60000000200000000000000000000000000000008000000\
        0000000001000000000000003b88b16500000000ffffffff01000000000000000300000000000000\
        7265733030303037";
    /// And what node 2 answers.
    const LOOKUP_REPLY: &str = "0d0000000100000000000000020000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_lookup_of_a_kernel_is_read_and_written_as_it_was() {
        let body = bytes(LOOKUP);
        let lookup = Msg::read(&body).unwrap();
        assert_eq!(lookup.kind(), Some(Type::Lookup));
        assert_eq!((lookup.lock(), lookup.remote(), lookup.hash()), (2, 0, 0x65b1_883b));
        assert_eq!(lookup.block, b"res00007");
        assert_eq!(lookup.bytes(), body);
    }

    #[test]
    fn a_lookup_is_answered_with_the_words_that_a_kernel_reads() {
        let reply = Msg::read(&bytes(LOOKUP)).unwrap().lookup_reply(1);
        let kernels = Msg::read(&bytes(LOOKUP_REPLY)).unwrap();
        assert_eq!(reply.kind(), kernels.kind());
        assert_eq!(
            (reply.words[1], reply.lock(), reply.result()),
            (kernels.words[1], kernels.lock(), kernels.result())
        );
        assert_eq!(reply.bytes().len(), kernels.bytes().len());
    }

    #[test]
    fn what_is_too_short_is_no_message() {
        assert!(Msg::read(&bytes(LOOKUP)[..71]).is_none());
        assert!(Rcom::read(&[0; 31]).is_none());
    }

    #[test]
    fn a_reply_names_the_question_that_it_answers() {
        let question: Vec<u8> = (0..32).collect();
        let rcom = Rcom { kind: Rcom::STATUS, ..Rcom::read(&question).unwrap() };
        let reply = rcom.status_reply(0x55);
        assert_eq!(reply.len(), 64);
        assert_eq!(reply[..8], [5, 0, 0, 0, 0x55, 0, 0, 0]);
        assert_eq!(reply[8..16], question[8..16]);
        assert_eq!(reply[24..32], question[16..24]);
        assert_eq!(reply[32..36], [32, 0, 0, 0]);
    }
}
