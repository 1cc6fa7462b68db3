// The Worker's entry: the app, and the classes of the objects.
import { createApp } from './app.ts';

export { Account } from '../durable-objects/account.ts';
export { Deployment } from '../durable-objects/deployment.ts';
export { Limiter } from '../durable-objects/limiter.ts';
export { Space } from '../durable-objects/space.ts';

export default createApp();
