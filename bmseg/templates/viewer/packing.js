/* Volumes out of text; packing.py wrote them. */

async function unpacked(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* 16-bit values: sums of the differences, whose low bytes come before all high bytes. */
async function unpackedImage(text) {
  const halves = await unpacked(text);
  const length = halves.length / 2;
  const values = new Uint16Array(length);
  let sum = 0;
  for (let i = 0; i < length; i += 1) {
    sum = (sum + (halves[i] | (halves[length + i] << 8))) & 0xffff;
    values[i] = sum;
  }
  return values;
}
