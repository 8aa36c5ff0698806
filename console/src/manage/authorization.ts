export function bearer(token: string): string {
  return `Bearer ${token.trim()}`;
}

/** RFC 7617: UTF-8. */
export function basic(name: string, password: string): string {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}
