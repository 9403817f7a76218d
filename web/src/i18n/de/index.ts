import common from './common.json'
import compose from './compose.json'
import library from './library.json'
import player from './player.json'
import queue from './queue.json'
import settings from './settings.json'
import song from './song.json'
import takes from './takes.json'

export default { common, compose, library, player, queue, settings, song, takes }
