//! Requests in pages.

use super::handles::Handle;
use super::path::{Place, list_place, split};
use super::senres::{Reader, Writer};
use super::{BASIS, Code, Server, VPAGE, die, opcode};
use crate::raw::Lent;

/// How a key is to be opened.
struct Open {
    path: String,
    create_file: bool,
    create_path: bool,
    create_new: bool,
    append: bool,
    truncate: bool,
    room: u64,
}

impl Server {
    /// Serves a page; what goes into `offset` and `valid` of its reply.
    pub(super) fn page(
        &mut self,
        page: &mut Lent<'_>,
        pid: u8,
        opcode: usize,
        descriptor: usize,
    ) -> (usize, usize) {
        let valid = page.valid();
        let result = match opcode {
            opcode::LIST_BASIS => self.list_bases(page.bytes()),
            opcode::LIST_DICT => self.list_dicts(page.bytes()),
            opcode::LIST_KEY => self.list_keys(page.bytes()),
            opcode::OPEN_KEY => self.open(page.bytes(), pid),
            opcode::DELETE_KEY => self.delete_key(page.bytes()),
            opcode::CREATE_DICT => self.create_dict(page.bytes()),
            opcode::DELETE_DICT => self.delete_dict(page.bytes()),
            opcode::READ_KEY => match self.read(page, pid, descriptor) {
                Ok(read) => return (0, read),
                Err(code) => Err(code),
            },
            opcode::WRITE_KEY => match self.write(page, pid, descriptor) {
                Ok(written) => return (0, written),
                Err(code) => Err(code),
            },
            opcode::LATEST_BASIS => return (self.latest_basis(page.bytes()), valid),
            _ => {
                eprintln!("pddb: opcode {opcode} is not served");
                Err(Code::InternalError)
            }
        };
        (result.err().map_or(0, |code| code as usize), valid)
    }

    fn latest_basis(&self, page: &mut [u8]) -> usize {
        if !self.mounted {
            return 0;
        }
        if let Some(start) = page.get_mut(..BASIS.len()) {
            start.copy_from_slice(BASIS.as_bytes());
        }
        BASIS.len()
    }

    fn list_bases(&self, page: &mut [u8]) -> Result<(), Code> {
        Reader::new(page, b"basQ")?;
        let second = self.faults.second_basis.as_deref();
        let bases: Vec<_> = std::iter::once(BASIS).chain(second).filter(|_| self.mounted).collect();
        write_names(page, b"basR", bases.iter().copied());
        Ok(())
    }

    fn list_dicts(&self, page: &mut [u8]) -> Result<(), Code> {
        let basis = Reader::new(page, b"LiDQ")?.optional_str()?;
        let mut dicts = if self.has(basis.as_deref()) { self.keys.dicts()? } else { Vec::new() };
        let prefix = self.kept(basis.as_deref(), "");
        dicts.retain_mut(|dict| match dict.strip_prefix(&prefix) {
            Some(rest) if !rest.contains(':') => {
                *dict = rest.to_owned();
                true
            }
            _ => false,
        });
        write_names(page, b"LiDR", dicts.iter().map(String::as_str));
        Ok(())
    }

    fn list_keys(&self, page: &mut [u8]) -> Result<(), Code> {
        let mut request = Reader::new(page, b"LiKQ")?;
        let (basis, dict) = (request.optional_str()?, request.str()?);
        let dict = self.kept(basis.as_deref(), &dict);
        if !self.has(basis.as_deref()) || !self.keys.has_dict(&dict) {
            return Err(Code::InternalError);
        }
        let keys = self.keys.keys(&dict)?;
        write_names(page, b"LiKR", keys.iter().map(String::as_str));
        Ok(())
    }

    /// Whether a basis is open; without a name, whether any is.
    fn has(&self, basis: Option<&str>) -> bool {
        let second = self.faults.second_basis.as_deref();
        self.mounted && basis.is_none_or(|basis| basis == BASIS || Some(basis) == second)
    }

    /// The dict's name in the store, which has one basis: those of the second begin with its name and `:`.
    fn kept(&self, basis: Option<&str>, dict: &str) -> String {
        match basis {
            Some(basis) if basis != BASIS => format!("{basis}:{dict}"),
            _ => dict.to_owned(),
        }
    }

    fn open(&mut self, page: &mut [u8], pid: u8) -> Result<(), Code> {
        let request = parse_open(page)?;
        let mut place = split(&request.path, Code::BasisLost, Code::BasisLost)?;
        if !self.has(place.basis.as_deref()) {
            return Err(Code::BasisLost);
        }
        place.dict = self.kept(place.basis.as_deref(), &place.dict);
        let length = self.find_or_create(&place, &request)?;
        let position = if request.append { length } else { 0 };
        let descriptor = self.handles.open(pid, Handle { place, position, length, deleted: false });
        let mut reply = Writer::new(page, b"KyOR");
        reply.u16(descriptor);
        reply.u64(length);
        Ok(())
    }

    fn find_or_create(&mut self, place: &Place, request: &Open) -> Result<u64, Code> {
        if !self.keys.has_dict(&place.dict) {
            if !request.create_path {
                return Err(Code::BasisLost);
            }
            self.faults.change(1, Code::InternalError, || self.keys.create_dict(&place.dict))?;
        }
        let Some(length) = self.keys.length(&place.dict, &place.key) else {
            if !request.create_file {
                return Err(Code::BasisLost);
            }
            if request.room >= VPAGE {
                die("a key is created with room for a page or more");
            }
            self.faults.change(1, Code::InternalError, || self.keys.create(&place.dict, &place.key))?;
            return Ok(0);
        };
        if request.create_new {
            return Err(Code::DiskFull);
        }
        if request.truncate {
            if length >= VPAGE {
                die("a large key is truncated");
            }
            self.faults.change(0, Code::InternalError, || self.keys.truncate(&place.dict, &place.key))?;
        }
        Ok(length)
    }

    fn read(&mut self, page: &mut Lent<'_>, pid: u8, descriptor: usize) -> Result<usize, Code> {
        let wanted = page.valid();
        let buffer = page.prefix(wanted).ok_or(Code::InternalError)?;
        let handle = self.handles.find(pid, descriptor)?;
        if !self.mounted {
            return Err(Code::Ok);
        }
        let read = self.keys.read(&handle.place.dict, &handle.place.key, handle.position, buffer)?;
        handle.position += read as u64;
        Ok(read)
    }

    fn write(&mut self, page: &mut Lent<'_>, pid: u8, descriptor: usize) -> Result<usize, Code> {
        let length = page.valid();
        // The real server would panic; this is the only one of its panics that a page alone can bring about.
        let data = page.prefix(length).ok_or(Code::InternalError)?;
        let handle = self.handles.find(pid, descriptor)?;
        if !self.mounted {
            return Err(Code::InternalError);
        }
        let Place { dict, key, .. } = &handle.place;
        let position = handle.position;
        let end = position.saturating_add(length as u64);
        let more = end.saturating_sub(self.keys.length(dict, key).unwrap_or(0));
        self.faults.write(data, more, |data| self.keys.write(dict, key, position, data))?;
        handle.position += length as u64;
        Ok(length)
    }

    fn delete_key(&mut self, page: &mut [u8]) -> Result<(), Code> {
        let path = Reader::new(page, b"RmKQ")?.str()?;
        let mut place = split(&path, Code::AccessDenied, Code::AccessDenied)?;
        place.dict = self.kept(place.basis.as_deref(), &place.dict);
        if !self.has(place.basis.as_deref()) || self.keys.length(&place.dict, &place.key).is_none() {
            return Err(Code::UnexpectedEof);
        }
        self.faults.change(0, Code::UnexpectedEof, || self.keys.delete(&place.dict, &place.key))?;
        if place.basis.is_some() {
            self.handles.mark_deleted(&place);
        }
        Ok(())
    }

    fn create_dict(&mut self, page: &mut [u8]) -> Result<(), Code> {
        let path = Reader::new(page, b"NuDQ")?.str()?;
        let (basis, dict) = list_place(&path)?;
        let dict = self.kept(basis.as_deref(), &dict);
        if !self.has(basis.as_deref()) || self.keys.has_dict(&dict) {
            return Err(Code::InternalError);
        }
        self.faults.change(1, Code::InternalError, || self.keys.create_dict(&dict))
    }

    fn delete_dict(&mut self, page: &mut [u8]) -> Result<(), Code> {
        let path = Reader::new(page, b"RmDQ")?.str()?;
        let (basis, dict) = list_place(&path)?;
        let dict = self.kept(basis.as_deref(), &dict);
        if !self.has(basis.as_deref()) || !self.keys.has_dict(&dict) {
            return Err(Code::InternalError);
        }
        if !self.keys.keys(&dict)?.is_empty() {
            return Err(Code::DiskFull);
        }
        self.faults.change(0, Code::InternalError, || self.keys.delete_dict(&dict))
    }
}

fn parse_open(page: &[u8]) -> Result<Open, Code> {
    let mut request = Reader::new(page, b"KyOQ")?;
    let open = Open {
        path: request.str()?,
        create_file: request.bool()?,
        create_path: request.bool()?,
        create_new: request.bool()?,
        append: request.bool()?,
        truncate: request.bool()?,
        room: request.u64()?,
    };
    // Nobody is called back; the address is only read.
    request.optional_address()?;
    Ok(open)
}

fn write_names<'a>(page: &mut [u8], letters: &[u8; 4], names: impl ExactSizeIterator<Item = &'a str>) {
    let mut reply = Writer::new(page, letters);
    reply.u32(names.len() as u32);
    for name in names {
        reply.str(name);
    }
}
