import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

/** Debian's package `chromium`. */
const CHROMIUM = '/usr/bin/chromium';
const CLOSE_MS = 5000;

/** A headless Chromium with a profile of its own, and what its page complained about. */
export interface Browser {
  readonly page: Page;
  /** Console messages of level error, and exceptions that nobody caught. */
  readonly errors: string[];
  /** Every address that was asked for, WebSockets included. */
  readonly requests: string[];
  /** Idempotent. */
  close(): Promise<void>;
}

export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** Starts Chromium. It does nothing on the network but what the page asks for. */
export async function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'srs-chromium-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
    colorScheme: options.colorScheme ?? 'light',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await Promise.race([context.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { page, errors, requests, close: () => (closing ??= shut()) };
}
