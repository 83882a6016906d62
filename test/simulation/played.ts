import { accountOf, faultsOf } from './account.js';
import { type History, Player } from './steps.js';

/** Plays a history to its end, where everything works again, and tells what is wrong then, a sentence each. Rejects where it does not come to rest. */
export async function played(history: History): Promise<string[]> {
  const player = new Player(history);
  return player.world.run(async () => {
    await player.play(history.steps);
    await player.heal();
    return faultsOf(await accountOf(player.world), player);
  });
}
