"""Something to try, for whoever has no idea yet."""

from melisma.studio.shapes import ExampleOut

WALTZ = """[verse]
You were asleep on the kitchen floor
when the rain came tapping at the door
[chorus]
Oh, old friend, once around the room
one-two-three to the accordion's tune"""
TRAIN = """[verse]
Last train out and the platform's bare
silver breath in the winter air
[chorus]
Carry me home, carry me slow
where every window knows my name"""
KUESTE = """[verse]
Die Stadt wird klein im Rückspiegellicht
der Wind erzählt, was er verspricht
[chorus]
Wir fahren ans Meer, wir fahren ans Meer
und alles, was schwer war, ist nicht mehr schwer"""

EXAMPLES = (
    ExampleOut(
        title="Waltz for an old dog", caption="a slow waltz about my dog, woman's voice, accordion", lyrics=WALTZ
    ),
    ExampleOut(
        title="Last train", caption="warm indie folk, fingerpicked guitar, soft male voice, brushes", lyrics=TRAIN
    ),
    ExampleOut(
        title="Ans Meer", caption="sunny German pop, driving drums, bright guitars, female voice", lyrics=KUESTE
    ),
    ExampleOut(title="Rain on tin", caption="lo-fi hip hop, mellow Rhodes, vinyl crackle, rain, instrumental"),
    ExampleOut(title="Night bus", caption="dreamy synthwave, analogue bass, slow arpeggios, instrumental"),
    ExampleOut(
        title="Brass on Sunday", caption="New Orleans brass band, second-line drums, tuba, joyful, instrumental"
    ),
    ExampleOut(title="Glasshouse", caption="ambient piano, felt hammers, long reverb, very slow, instrumental"),
    ExampleOut(title="Market day", caption="Afrobeat, interlocking guitars, horns, congas, lively, instrumental"),
    ExampleOut(title="Iron hills", caption="cinematic orchestra, low strings, taiko, slow build, instrumental"),
    ExampleOut(title="Kitchen samba", caption="bossa nova, nylon guitar, shaker, upright bass, instrumental"),
)
