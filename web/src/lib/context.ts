import { createContext } from 'svelte';
import type { App } from './app.svelte.ts';
import type { DeskState } from './desk.svelte.ts';

/** What every screen may ask for. */
export const [getApp, setApp] = createContext<App>();
/** What every screen behind the lock may ask for. */
export const [getDesk, setDesk] = createContext<DeskState>();
