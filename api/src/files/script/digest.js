// SHA-256 (FIPS 180-4) of bytes that come in pieces. The browser's own wants all of them at once, and a page that came over
// TLS.
class Digest {
  constructor() {
    this.state = Int32Array.from(Digest.START);
    this.block = new Uint8Array(64);
    this.words = new Int32Array(64);
    // Bytes so far.
    this.length = 0;
  }

  update(bytes) {
    let from = 0;
    while (from < bytes.length) {
      const at = this.length % 64;
      const taken = Math.min(64 - at, bytes.length - from);
      if (taken === 64) {
        this.compress(bytes, from);
      } else {
        this.block.set(bytes.subarray(from, from + taken), at);
        if (at + taken === 64) this.compress(this.block, 0);
      }
      this.length += taken;
      from += taken;
    }
  }

  // Of all bytes so far, in hexadecimal digits. More may come.
  hex() {
    const last = new Digest();
    last.state.set(this.state);
    last.block.set(this.block);
    last.length = this.length;
    const end = new Uint8Array((this.length % 64 < 56 ? 64 : 128) - this.length % 64);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(this.length / 2 ** 29));
    view.setUint32(end.length - 4, this.length * 8 % 2 ** 32);
    last.update(end);
    return [...last.state].map(word => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  compress(bytes, at) {
    const { words, state } = this;
    for (let i = 0, from = at; i < 16; i += 1, from += 4) {
      words[i] = bytes[from] << 24 | bytes[from + 1] << 16 | bytes[from + 2] << 8 | bytes[from + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = words[i - 15], y = words[i - 2];
      const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
      const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
      words[i] = words[i - 16] + s0 + words[i - 7] + s1 | 0;
    }
    const rounds = Digest.ROUNDS;
    let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (let i = 0; i < 64; i += 1) {
      const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
      const t1 = h + s1 + (e & f ^ ~e & g) + rounds[i] + words[i] | 0;
      const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
      const t2 = s0 + (a & b ^ a & c ^ b & c) | 0;
      h = g; g = f; f = e; e = d + t1 | 0;
      d = c; c = b; b = a; a = t1 + t2 | 0;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    state[4] += e; state[5] += f; state[6] += g; state[7] += h;
  }

  // The first 32 bits of the fractional part of roots of the first primes.
  static roots(count, exponent) {
    const primes = [];
    for (let n = 2; primes.length < count; n += 1) {
      if (primes.every(prime => n % prime !== 0)) primes.push(n);
    }
    return primes.map(prime => Math.floor(prime ** exponent % 1 * 2 ** 32));
  }
}
Digest.START = Int32Array.from(Digest.roots(8, 1 / 2), word => word | 0);
Digest.ROUNDS = Int32Array.from(Digest.roots(64, 1 / 3), word => word | 0);
