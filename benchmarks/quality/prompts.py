"""The fixed prompts. They are for measuring: choose settings with others."""

SONGS_WITH_WORDS: tuple[tuple[str, str], ...] = (
    ("upbeat pop, female vocals", "[verse]\nThe morning light is on my face\nI leave the city and this place\n[chorus]\nSo come along and sing with me\nWe will be young, we will be free"),
    ("slow piano ballad, warm female vocals", "[verse]\nThe rain is falling on the sea\nYou are a memory to me\nI keep the letter that you wrote\nAnd every word is like a boat"),
    ("folk with acoustic guitar, male vocals", "[verse]\nMy father had a little farm\nHe kept the winter fire warm\n[chorus]\nTake me home over the hill\nThe river knows me still"),
    ("rock song with female vocals", "[verse]\nThe engine runs, the night is long\nThe radio plays our song\n[chorus]\nRun away, run away with me\nThere is so much to see"),
    ("reggae, female vocals", "[verse]\nThe sun is high above the bay\nWe have no work to do today\nThe people dance along the shore\nAnd no one worries any more"),
    ("country, male vocals", "[verse]\nI drove a truck to Tennessee\nA yellow dog came next to me\nWe saw the mountains and the plain\nAnd we came home again"),
    ("soul, warm female vocals", "[chorus]\nHold my hand and stay tonight\nEverything will be alright\nYou and I can find a way\nLove is here to stay"),
    ("lofi hip hop, female vocals", "[verse]\nCoffee on the window sill\nAll the world is sleeping still\nPaper birds and summer dreams\nNothing is the way it seems"),
    ("synthwave, bright female vocals", "[verse]\nNeon lights across the town\nWatch the stars are coming down\n[chorus]\nWe are dancing in the dark\nYou have lit a little spark"),
    ("waltz, female vocals", "[verse]\nOne more dance before we go\nUnder falling flakes of snow\nTurn around and hold me near\nThis is the last night of the year"),
    ("blues, male vocals", "[verse]\nI woke up in an empty room\nMy heart was heavy as the moon\nShe took the money and the car\nI only have my old guitar"),
    ("bossa nova, female vocals", "[verse]\nA quiet song, a glass of wine\nYour golden eyes are meeting mine\nThe ocean sings, the wind is slow\nI hope you never go"),
)  # fmt: skip

FREE_WORDS: tuple[tuple[str, tuple[str, ...], tuple[int, int]], ...] = (
    ("chilled hip hop beat to study to", ("lofi",), (65, 95)),
    ("something to dance to in a dark club at 3 am", ("house", "techno"), (118, 150)),
    ("a lullaby for my daughter, only piano", ("ballad", "classical", "waltz", "ambient"), (50, 90)),
    ("heavy guitars and double bass drum, angry", ("metal", "punk"), (100, 200)),
    ("Irish pub on a Friday night", ("celtic", "folk"), (90, 180)),
    ("epic film trailer with big brass and choir", ("orchestral",), (60, 150)),
    ("smoky late night saxophone in a small bar", ("jazz", "blues"), (55, 130)),
    ("summer beach party in Jamaica", ("reggae",), (60, 100)),
    ("80s driving at night, analog synths", ("synthwave",), (80, 130)),
    ("Brazilian cafe, soft nylon guitar", ("bossa nova",), (60, 150)),
    ("meditation music, no rhythm, long pads", ("ambient",), (50, 90)),
    ("cowboy song with banjo and fiddle", ("country", "folk"), (70, 160)),
    ("fast breakbeats and deep sub bass", ("drum and bass",), (155, 185)),
    ("Viennese ballroom, one two three", ("waltz", "classical"), (60, 200)),
    ("808s, hi-hat rolls and a sad bell", ("trap", "hip hop"), (60, 160)),
    ("groovy slap bass and wah guitar", ("funk", "disco"), (85, 130)),
    ("salsa with trumpets and congas", ("latin",), (80, 220)),
    ("three chord teenage garage band, very fast", ("punk", "rock"), (130, 220)),
    ("string quartet in the style of Mozart", ("classical", "orchestral"), (50, 170)),
    ("glitter ball, four on the floor, strings and hand claps, 1977", ("disco",), (100, 135)),
    ("Motown love song", ("soul",), (60, 135)),
    ("slow sad song about losing you", ("ballad",), (50, 90)),
    ("twelve bar shuffle with harmonica", ("blues",), (60, 140)),
    ("military parade with snare drums and trumpets", ("march",), (90, 130)),
)  # fmt: skip
"""What people write who do not know our list of styles; which styles fit, and between which tempi."""
