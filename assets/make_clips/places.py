"""Scenes with closed-form motion: a train, a windmill, a boat, a flag, a still life."""

import math

import bpy
import numpy as np

from . import kit as K


def toy_train():
    """A toy train runs round a loop, through a stone gate."""
    scene = K.reset()
    K.sky(strength=0.8)
    K.sun(elevation=48, azimuth=-42, strength=3.8)
    radius = 2.1
    K.ground(60, K.grass_ground(scale=1.5), (0, 0, -0.03))
    K.grass(
        (-4.6, 4.6, -4, 5),
        40000,
        K.grass_blades(),
        0.075,
        5,
        width=0.011,
        keep=lambda x, y: abs(np.hypot(x, y) - radius) > 0.36,
    )
    gravel = K.speckled((0.20, 0.17, 0.14), (0.42, 0.38, 0.33), scale=16, bump=0.5)
    K.lathe(
        [(radius - 0.36, -0.02), (radius - 0.28, 0.03), (radius + 0.28, 0.03), (radius + 0.36, -0.02)],
        gravel,
        sides=80,
        smooth=False,
    )
    steel = K.material((0.45, 0.42, 0.4), rough=0.3, metal=0.8)
    for r in (radius - 0.15, radius + 0.15):
        K.lathe([(r - 0.02, 0.05), (r - 0.02, 0.1), (r + 0.02, 0.1), (r + 0.02, 0.05)], steel, sides=96, smooth=False)
    tie = K.wood((0.12, 0.06, 0.03), (0.28, 0.15, 0.07), rough=0.9)
    for i in range(56):
        a = 2 * math.pi * i / 56
        K.box((0.09, 0.46, 0.05), tie, (radius * math.sin(a), -radius * math.cos(a), 0.045), (0, 0, math.degrees(a)))
    engine(scene, radius)
    stone = K.bricks((0.42, 0.37, 0.31), (0.55, 0.50, 0.43), (0.25, 0.23, 0.2), 0.22, 0.12, gap=0.014)
    for a in (math.radians(97),):
        for r in (radius - 0.42, radius + 0.42):
            K.box(
                (0.3, 0.22, 1.0), stone, (r * math.sin(a), -r * math.cos(a), 0.5), (0, 0, math.degrees(a)), bevel=0.02
            )
        K.box(
            (0.36, 1.14, 0.2),
            stone,
            (radius * math.sin(a), -radius * math.cos(a), 1.08),
            (0, 0, math.degrees(a)),
            bevel=0.02,
        )
    cottage((0.15, 0.35, 0))
    greens = [(0.07, 0.18, 0.03), (0.18, 0.22, 0.03), (0.05, 0.15, 0.06), (0.35, 0.18, 0.03), (0.10, 0.2, 0.03)]
    spots = [
        (-3.3, 2.4),
        (-2.2, 3.3),
        (-0.9, 3.1),
        (0.4, 3.6),
        (1.9, 3.2),
        (3.2, 2.4),
        (3.4, 0.6),
        (-3.5, 0.8),
        (-1.0, 0.3),
        (-0.75, -0.75),
        (1.0, 0.9),
    ]
    for i, (x, y) in enumerate(spots):
        K.tree((x, y, 0), (0.85 if np.hypot(x, y) < 1.6 else 1.5) + 0.12 * (i % 3), greens[i % 5], seed=40 + i)
    K.camera(lambda t: (-0.9 + 0.3 * t, -5.0, 2.75), (0, 0.1, 0.25), lens=37)
    return scene, None


def engine(scene, radius):
    """The train: an engine and three wagons that follow the loop."""
    red, blue = K.material((0.60, 0.04, 0.03), 0.3, coat=0.5), K.material((0.03, 0.14, 0.5), 0.3, coat=0.5)
    green, yellow = K.material((0.05, 0.32, 0.08), 0.35), K.material((0.85, 0.52, 0.03), 0.35)
    black = K.material((0.02, 0.02, 0.022), 0.4)
    cargo = K.wood((0.3, 0.14, 0.05), (0.65, 0.38, 0.16), scale=5)

    def wheels(parent, xs):
        for x in xs:
            for y in (-0.19, 0.19):
                K.cylinder(0.085, 0.05, black, (x, y, 0.185), (90, 0, 0), sides=16, parent=parent)

    cars = []
    for kind in range(4):
        car = K.box((0.62, 0.34, 0.06), black, bevel=0.01)
        car.data.transform(K.Matrix.Translation((0, 0, 0.22)))
        wheels(car, (-0.19, 0.19))
        if kind == 0:
            K.cylinder(0.135, 0.42, red, (0.1, 0, 0.39), (0, 90, 0), parent=car)
            K.cylinder(0.139, 0.03, yellow, (0.22, 0, 0.39), (0, 90, 0), parent=car)
            K.cylinder(0.04, 0.2, black, (0.22, 0, 0.57), top=0.065, parent=car, sides=16)
            K.ball(0.055, yellow, (0.06, 0, 0.53), parent=car, sides=16)
            K.box((0.22, 0.32, 0.36), red, (-0.2, 0, 0.42), bevel=0.02, parent=car)
            K.box((0.14, 0.34, 0.13), K.material((0.5, 0.72, 0.8), 0.2), (-0.2, 0, 0.5), parent=car)
            K.box((0.3, 0.38, 0.04), black, (-0.2, 0, 0.62), bevel=0.015, parent=car)
        elif kind == 2:
            K.cylinder(0.15, 0.5, yellow, (0, 0, 0.4), (0, 90, 0), parent=car)
            K.cylinder(0.05, 0.08, black, (0, 0, 0.57), parent=car, sides=16)
        else:
            K.box((0.54, 0.34, 0.2), blue if kind == 1 else green, (0, 0, 0.34), bevel=0.02, parent=car)
            for j, x in enumerate((-0.16, 0.0, 0.16)):
                K.box((0.13, 0.2, 0.13), cargo, (x, 0.03 * (j - 1), 0.47), (0, 0, 9 * j), bevel=0.01, parent=car)
        cars.append(car)
    for k, car in enumerate(cars):

        def where(t, k=k):
            a = math.radians(8) + 0.72 * t - 0.70 * k / radius
            place = (radius * math.sin(a), -radius * math.cos(a), 0)
            return K.Matrix.Translation(place) @ K.Matrix.Rotation(a, 4, "Z")

        K.animate(car, [where(t) for _, t in K.frames(scene)])


def cottage(at):
    """A small house with a tiled roof."""
    x, y, _ = at
    K.box((0.8, 0.6, 0.5), K.speckled((0.6, 0.52, 0.4), (0.78, 0.72, 0.6), scale=6, bump=0.2), (x, y, 0.25))
    tiles = K.bricks((0.42, 0.12, 0.06), (0.55, 0.2, 0.1), (0.2, 0.07, 0.04), 0.1, 0.07, turn=(0, 0, 0), gap=0.008)
    for side in (-1, 1):
        K.box((0.95, 0.5, 0.04), tiles, (x, y + side * 0.19, 0.62), (-side * 38, 0, 0))
    v = [(-0.39, -0.3, 0.5), (-0.39, 0.3, 0.5), (-0.39, 0, 0.74), (0.39, -0.3, 0.5), (0.39, 0.3, 0.5), (0.39, 0, 0.74)]
    K.place(K.mesh("gable", v, [(0, 1, 2), (3, 5, 4)], K.wood()), (x, y, 0))
    glass, frame = K.material((0.12, 0.2, 0.28), 0.1), K.wood((0.12, 0.06, 0.03), (0.25, 0.12, 0.05))
    K.box((0.15, 0.03, 0.3), frame, (x - 0.05, y - 0.3, 0.15))
    for dx in (-0.26, 0.22):
        K.box((0.16, 0.03, 0.16), frame, (x + dx, y - 0.3, 0.3))
        K.box((0.12, 0.04, 0.12), glass, (x + dx, y - 0.3, 0.3))
    K.box((0.1, 0.1, 0.3), tiles, (x + 0.25, y + 0.1, 0.8))


def windmill():
    """A Dutch windmill turns above rows of tulips; the camera slides past."""
    scene = K.reset()
    K.sky(zenith=(0.10, 0.28, 0.68), clouds=0.85, drift=0.03)
    K.sun(elevation=36, azimuth=-45, strength=4, colour=(1, 0.9, 0.74))
    K.ground(400, K.grass_ground(scale=0.4), (0, 0, -0.02))
    K.grass((-7, 8, -4.5, 3), 22000, K.grass_blades(), 0.16, 7, width=0.016)
    rng = np.random.default_rng(5)
    v, f = K.unit_ball(6)
    for i, colour in enumerate(
        [
            (0.75, 0.04, 0.04),
            (0.88, 0.55, 0.03),
            (0.72, 0.16, 0.38),
            (0.85, 0.78, 0.68),
            (0.62, 0.03, 0.06),
            (0.85, 0.3, 0.03),
        ]
    ):
        mat = K.material(colour, rough=0.5)
        y0 = -3.9 + 0.95 * i
        n = 480
        x, y = rng.uniform(-7, 8, n), y0 + rng.normal(0, 0.1, n)
        z = rng.uniform(0.2, 0.32, n)
        r = rng.uniform(0.045, 0.07, n)
        points = (v[None] * (1, 1, 1.3) * r[:, None, None] + np.stack([x, y, z], -1)[:, None]).reshape(-1, 3)
        K.mesh("tulips", points, [tuple(k + j * len(v) for k in q) for j in range(n) for q in f], mat)
    hill = 6.0
    wall = K.bricks((0.50, 0.22, 0.13), (0.62, 0.32, 0.2), (0.62, 0.56, 0.48), 0.5, 0.22, gap=0.025)
    K.lathe([(1.45, 0), (1.25, 2.0), (1.32, 2.02)], wall, (0, hill, 0), sides=8, smooth=False)
    deck = K.wood((0.3, 0.17, 0.08), (0.55, 0.36, 0.2))
    K.cylinder(1.75, 0.1, deck, (0, hill, 2.0), sides=16)
    thatch = K.speckled((0.24, 0.14, 0.07), (0.46, 0.31, 0.17), scale=5, detail=7)
    K.lathe([(1.22, 2.05), (0.78, 4.4), (0.85, 4.42)], thatch, (0, hill, 0), sides=8, smooth=False)
    cap = K.speckled((0.10, 0.07, 0.05), (0.24, 0.16, 0.1), scale=6)
    K.ball(0.86, cap, (0, hill, 4.42), squash=0.95)
    white, glass = K.material((0.85, 0.83, 0.76)), K.material((0.08, 0.12, 0.18), 0.1)
    for x, z, w, h in ((0, 0.75, 0.55, 1.3), (0, 3.2, 0.36, 0.45)):
        y = hill - 1.36 + 0.155 * z
        K.box((w, 0.3, h), white, (x, y, z), (-6, 0, 0))
        K.box(
            (w - 0.12, 0.3, h - 0.12),
            glass if h < 1 else K.wood((0.05, 0.15, 0.08), (0.1, 0.3, 0.15)),
            (x, y - 0.02, z),
            (-6, 0, 0),
        )
    hub = K.cylinder(0.16, 0.9, deck, sides=16)
    hub.data.transform(K.Matrix.Rotation(math.pi / 2, 4, "X"))
    spar = K.wood((0.35, 0.2, 0.1), (0.6, 0.4, 0.22))
    cloth = K.speckled((0.62, 0.50, 0.36), (0.86, 0.78, 0.64), scale=2.5, bump=0)
    for k in range(4):
        a = math.pi / 2 * k
        c, s = math.cos(a), math.sin(a)

        def at(u, w, y=-0.42, c=c, s=s):  # u along the spar, w across
            return (u * c - w * s, y, u * s + w * c)

        turn = (0, -math.degrees(a), 0)
        K.box((2.9, 0.09, 0.12), spar, at(1.45, 0), turn, parent=hub)
        K.box((2.2, 0.02, 0.46), cloth, at(1.75, -0.30, -0.40), turn, parent=hub)
        for i in range(8):
            K.box((0.035, 0.05, 0.52), spar, at(0.7 + 0.3 * i, -0.28, -0.43), turn, parent=hub)
        for w in (-0.28, -0.53):
            K.box((2.2, 0.05, 0.035), spar, at(1.75, w, -0.43), turn, parent=hub)
    K.animate(
        hub,
        [
            K.Matrix.Translation((0, hill - 0.75, 4.5)) @ K.Matrix.Rotation(math.radians(20) + 0.85 * t, 4, "Y")
            for _, t in K.frames(scene)
        ],
    )
    for i in range(9):
        K.tree(
            (-19 + 4.6 * i + (i % 2), 19 + (i * 7) % 5, 0),
            3.2 + 0.4 * (i % 3),
            [(0.08, 0.18, 0.03), (0.2, 0.2, 0.04), (0.06, 0.15, 0.05)][i % 3],
            seed=60 + i,
        )
    K.camera(lambda t: (-2.0 + 0.5 * t, -6.2, 1.7), lambda t: (0.1, hill, 2.75), lens=34)
    return scene, None


def still_life():
    """The camera goes round a table with fruit, books and toys."""
    scene = K.reset()
    K.room_light(strength=0.7, colour=(1, 0.96, 0.9))
    K.lamp((-2.2, -1.2, 2.6), (0, 0, 0.2), power=105, size=0.9)
    K.lamp((2.5, -1.5, 1.6), (0, 0, 0.2), power=12, size=1.0, colour=(0.7, 0.82, 1))
    K.box(
        (2.6, 1.7, 0.08),
        K.wood((0.20, 0.09, 0.03), (0.48, 0.25, 0.1), scale=2.5, planks=(2.7, 0.3)),
        (0, 0, -0.04),
        bevel=0.02,
    )
    cloth = K.box(
        (1.25, 0.9, 0.008), K.checks((0.62, 0.06, 0.05), (0.80, 0.72, 0.6), 13), (0.05, -0.08, 0.004), (0, 0, 12)
    )
    cloth.visible_shadow = False
    paper = K.carpet([(0.16, 0.26, 0.28), (0.24, 0.36, 0.34), (0.30, 0.40, 0.33), (0.46, 0.44, 0.3)], scale=6)
    K.lathe([(3.2, -2), (3.2, 4)], paper, sides=64)
    K.ground(8, K.carpet([(0.25, 0.1, 0.06), (0.36, 0.18, 0.1), (0.2, 0.14, 0.12)], 3), (0, 0, -0.9))
    glaze = K.stripes((0.03, 0.14, 0.38), (0.75, 0.74, 0.68), scale=5, turn=(0, 90, 0), rough=0.15, coat=0.6)
    K.lathe(
        [
            (0.0, 0),
            (0.11, 0),
            (0.16, 0.1),
            (0.17, 0.2),
            (0.12, 0.33),
            (0.06, 0.41),
            (0.075, 0.47),
            (0.06, 0.46),
            (0.05, 0.4),
        ],
        glaze,
        (-0.38, 0.22, 0.008),
    )
    stem, petal = K.material((0.06, 0.2, 0.03)), [(0.8, 0.5, 0.03), (0.75, 0.1, 0.2), (0.8, 0.7, 0.6)]
    rng = np.random.default_rng(2)
    for i in range(9):
        a = 2.4 * i
        tip = K.Vector(
            (
                -0.38 + 0.2 * math.cos(a) * rng.uniform(0.4, 1),
                0.22 + 0.2 * math.sin(a) * rng.uniform(0.4, 1),
                rng.uniform(0.62, 0.8),
            )
        )
        root = K.Vector((-0.38, 0.22, 0.42))
        K.cylinder(0.008, (tip - root).length, stem, sides=8).matrix_world = (
            K.Matrix.Translation((tip + root) / 2) @ (tip - root).to_track_quat("Z", "Y").to_matrix().to_4x4()
        )
        c = petal[i % 3]
        K.ball(0.062, K.speckled(tuple(0.5 * x for x in c), c, scale=26, bump=0.6), tip, sides=16, squash=0.7)
    bowl = K.wood((0.25, 0.12, 0.05), (0.5, 0.3, 0.14), scale=4)
    K.lathe(
        [(0, 0.0), (0.12, 0.0), (0.14, 0.03), (0.23, 0.11), (0.27, 0.17), (0.255, 0.17), (0.2, 0.1), (0, 0.05)],
        bowl,
        (0.2, -0.12, 0.008),
    )
    fruit = [
        ((0.10, -0.17), 0.19, 0.088, (0.62, 0.06, 0.03)),
        ((0.28, -0.20), 0.185, 0.085, (0.85, 0.36, 0.02)),
        ((0.22, -0.02), 0.19, 0.09, (0.32, 0.45, 0.05)),
        ((0.2, -0.14), 0.285, 0.08, (0.85, 0.4, 0.02)),
        ((0.09, -0.04), 0.2, 0.075, (0.75, 0.6, 0.06)),
    ]
    for (x, y), z, r, c in fruit:
        K.ball(
            r,
            K.speckled(
                tuple(0.6 * v for v in c), c, scale=9, c=tuple(min(1, 1.3 * v + 0.03) for v in c), bump=0.05, rough=0.35
            ),
            (x, y, z),
            sides=24,
            squash=0.92,
        )
    colours = [(0.06, 0.2, 0.32), (0.5, 0.1, 0.06), (0.14, 0.3, 0.12), (0.55, 0.4, 0.12)]
    pages = K.stripes((0.6, 0.55, 0.42), (0.78, 0.73, 0.6), scale=30, turn=(0, 90, 0))
    z = 0.008
    for i, c in enumerate(colours):
        turn, thick = (0, 0, -18 + 11 * i * (-1) ** i), 0.05 + 0.012 * (i % 2)
        cover = K.speckled(tuple(0.6 * v for v in c), c, scale=12, bump=0.1)
        for dz in (0.004, thick - 0.004):
            K.box((0.46, 0.33, 0.008), cover, (0.66, 0.3, z + dz), turn)
        K.box((0.44, 0.31, thick - 0.016), pages, (0.66, 0.3, z + thick / 2), turn)
        z += thick
    bpy.ops.mesh.primitive_monkey_add(
        size=0.3, location=(0.66, 0.29, z + 0.125), rotation=(math.radians(-25), 0, math.radians(-12))
    )
    monkey = bpy.context.object
    K.dress(
        monkey, K.speckled((0.30, 0.10, 0.05), (0.62, 0.28, 0.12), scale=5, bump=0.05, rough=0.3, coat=0.5), smooth=True
    )
    monkey.modifiers.new("round", "SUBSURF").render_levels = 2
    cube = [
        (0.65, 0.05, 0.04),
        (0.05, 0.3, 0.1),
        (0.85, 0.6, 0.03),
        (0.05, 0.15, 0.5),
        (0.8, 0.78, 0.72),
        (0.8, 0.3, 0.03),
    ]
    stickers = [K.material(c, 0.3) for c in cube]
    base = K.box((0.2, 0.2, 0.2), K.material((0.02, 0.02, 0.02), 0.4), (-0.22, -0.36, 0.108), (0, 0, 32), bevel=0.01)
    for i in range(3):
        for j in range(3):
            u, w = (i - 1) * 0.064, (j - 1) * 0.064
            n = i * 3 + j
            for k, (size, at) in enumerate(
                [
                    ((0.055, 0.004, 0.055), (u, -0.101, w)),
                    ((0.055, 0.055, 0.004), (u, w, 0.101)),
                    ((0.004, 0.055, 0.055), (0.101, u, w)),
                    ((0.004, 0.055, 0.055), (-0.101, u, w)),
                ]
            ):
                K.box(size, stickers[(n * (k + 2) + n // 2 + k) % 6], at, parent=base)
    mug = K.speckled((0.08, 0.36, 0.36), (0.14, 0.5, 0.46), scale=5, bump=0, rough=0.2, coat=0.5)
    K.lathe(
        [(0, 0.0), (0.075, 0), (0.08, 0.02), (0.08, 0.19), (0.07, 0.19), (0.07, 0.03), (0, 0.03)], mug, (-0.7, -0.2, 0)
    )

    def path(t):
        a = math.radians(-38 + 21 * t)
        return 2.15 * math.sin(a), -2.15 * math.cos(a), 0.92 - 0.05 * t

    K.camera(path, (0.03, 0.03, 0.24), lens=42, focus=2.1, fstop=2.8)
    return scene, None


def sailing_boat():
    """A small sailing boat rides the waves (Blender's ocean modifier)."""
    scene = K.reset(blur=0.0, samples=8)
    K.sky(zenith=(0.10, 0.25, 0.58), horizon=(0.72, 0.76, 0.82), clouds=0.85, drift=0.03, ground=(0.01, 0.09, 0.14))
    K.sun(elevation=32, azimuth=-58, strength=3.6, colour=(1, 0.88, 0.7))

    def paint(g):
        where = g.add("ShaderNodeNewGeometry").outputs["Position"]
        xyz = g.add("ShaderNodeSeparateXYZ", Vector=where)
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=1.6, Detail=4.0)
        height = g.math("MULTIPLY_ADD", xyz.outputs["Z"], 0.75, 0.24)
        level = g.math("MULTIPLY_ADD", noise.outputs[0], 0.4, height)
        colour = g.ramp(
            level,
            [
                (0.2, (0.004, 0.035, 0.07)),
                (0.55, (0.015, 0.12, 0.17)),
                (0.85, (0.06, 0.28, 0.31)),
                (1.0, (0.4, 0.58, 0.6)),
            ],
        )
        return colour, noise.outputs[0]

    water = K.mesh("water", [(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], K.material(paint, rough=0.3))
    K.ground(3000, water.data.materials[0], (0, 1546, 0))
    ocean = water.modifiers.new("ocean", "OCEAN")
    ocean.geometry_mode = "GENERATE"
    ocean.repeat_x = ocean.repeat_y = 3
    ocean.resolution = ocean.viewport_resolution = 9
    ocean.spatial_size, ocean.size = 22, 1.0
    ocean.wave_scale, ocean.choppiness, ocean.wind_velocity = 0.68, 1.0, 7.5
    ocean.wave_alignment, ocean.wave_direction, ocean.random_seed = 0.55, math.radians(15), 4
    water.location = (-33, -33 + 14, 0)
    hull = boat()

    def bob(frame, t):
        ocean.time = 3.0 + 1.15 * t
        graph = bpy.context.evaluated_depsgraph_get()
        graph.update()
        data = water.evaluated_get(graph).data
        points = np.empty(len(data.vertices) * 3, np.float32)
        data.vertices.foreach_get("co", points)
        points = points.reshape(-1, 3) + np.array(water.location)
        x = -1.0 + 0.55 * t
        near = points[(abs(points[:, 0] - x) < 1.7) & (abs(points[:, 1]) < 0.9)]
        fit, *_ = np.linalg.lstsq(np.c_[near[:, 0] - x, near[:, 1], np.ones(len(near))], near[:, 2], rcond=None)
        hull.location = (x, 0, fit[2] + 0.04)
        hull.rotation_euler = (math.atan(fit[1]) * 0.6 + 0.10, -math.atan(fit[0]) * 0.9, 0.12)

    K.camera(lambda t: (-0.5 + 0.35 * t, -7.4, 2.0), lambda t: (-0.45 + 0.38 * t, 0, 1.35), lens=37)
    return scene, bob


def boat():
    """Hull, deck, mast and two sails; the bow points to +x."""
    n, rings = 13, 7
    v = []
    for i in range(n):
        u = i / (n - 1)
        wide = 0.52 * (math.sin(math.pi * (0.22 + 0.78 * u)) ** 0.7 if u < 1 else 0.0)
        keel = -0.38 + 0.34 * u**4
        rim = 0.36 + 0.2 * u**2
        for j in range(rings):
            a = math.pi * j / (rings - 1)
            s = math.sin(a) ** 0.7
            v.append((-1.5 + 3.1 * u + 0.12 * (1 - s) * u, -wide * math.cos(a), rim + (keel - rim) * s))
    f = [
        (i * rings + j, i * rings + j + 1, (i + 1) * rings + j + 1, (i + 1) * rings + j)
        for i in range(n - 1)
        for j in range(rings - 1)
    ]
    f.append(tuple(range(rings)))

    def paint(g):
        xyz = g.add("ShaderNodeSeparateXYZ", Vector=g.coords())
        colour = g.ramp(
            g.math("ADD", xyz.outputs["Z"], 0.5),
            [(0.0, (0.45, 0.04, 0.03)), (0.58, (0.45, 0.04, 0.03)), (0.6, (0.8, 0.78, 0.7)), (0.7, (0.03, 0.12, 0.32))],
        )
        return colour, None

    paintwork = K.material(paint, rough=0.35)
    hull = K.mesh("hull", v, f, paintwork, smooth=True)
    deck = [(p[0], p[1] * 0.98, p[2] - 0.05) for i in range(n) for p in (v[i * rings], v[i * rings + rings - 1])]
    planks = K.wood((0.35, 0.18, 0.07), (0.62, 0.38, 0.18), planks=(1.2, 0.1))
    K.mesh("deck", deck, [(2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2) for i in range(n - 1)], planks).parent = hull
    K.box((0.7, 0.5, 0.26), planks, (-0.35, 0, 0.45), bevel=0.05, parent=hull)
    spar = K.wood((0.3, 0.15, 0.06), (0.55, 0.32, 0.15))
    K.cylinder(0.04, 3.1, spar, (0.25, 0, 1.85), sides=12, parent=hull)
    K.cylinder(0.03, 1.6, spar, (-0.52, -0.05, 0.78), (0, 90, 0), sides=10, parent=hull)
    canvas = K.stripes((0.80, 0.30, 0.08), (0.88, 0.82, 0.7), scale=0.75, turn=(0, 90, 0), bump=0)
    white = K.speckled((0.72, 0.68, 0.6), (0.88, 0.86, 0.8), scale=4, bump=0)
    for corners, mat in (
        (((0.2, 0, 0.85), (-1.3, 0, 0.85), (0.22, 0, 3.3)), canvas),
        (((1.55, 0, 0.62), (0.42, 0, 0.8), (0.3, 0, 3.0)), white),
    ):
        a, b, c = (np.array(p) for p in corners)
        k = 12
        points, faces = [], []
        for i in range(k + 1):
            for j in range(k + 1):
                p = (a * (1 - j / k) + b * (j / k)) * (1 - i / k) + c * (i / k)
                belly = 0.35 * math.sin(math.pi * j / k) * math.sin(math.pi * min(1, 1.15 * (1 - i / k)))
                points.append(p + (0.05 * belly, -belly, 0))
        for i in range(k):
            for j in range(k):
                q = i * (k + 1) + j
                faces.append((q, q + 1, q + k + 2, q + k + 1))
        K.mesh("sail", points, faces, mat, smooth=True).parent = hull
    return hull


def flag():
    """A striped flag in the wind over castle battlements."""
    scene = K.reset(blur=0.0)
    K.sky(clouds=0.8, drift=0.05, scale=2.6)
    K.sun(elevation=40, azimuth=-30, strength=3.6)
    K.ground(400, K.grass_ground(scale=0.25), (0, 60, -9), cells=40, bumps=6, seed=2)
    stone = K.bricks((0.40, 0.35, 0.29), (0.52, 0.47, 0.39), (0.24, 0.22, 0.19), 0.36, 0.18, gap=0.014)
    K.box((12, 0.5, 2), stone, (0, 0.6, -0.6))
    for i in range(9):
        K.box((0.62, 0.5, 0.55), stone, (-4.4 + 1.1 * i, 0.6, 0.66), bevel=0.02)
    K.cylinder(0.05, 5, K.wood((0.4, 0.24, 0.12), (0.66, 0.46, 0.26), rough=0.6), (-1.35, 0, 1.7), sides=16)
    K.ball(0.1, K.material((0.8, 0.5, 0.1), 0.25, metal=1.0), (-1.35, 0, 3.25), sides=20)
    for i in range(7):
        K.tree(
            (-9 + 3.1 * i, 11 + (i * 5) % 4, -3.4),
            3.6 + 0.5 * (i % 3),
            [(0.08, 0.18, 0.03), (0.2, 0.2, 0.04), (0.33, 0.18, 0.04)][i % 3],
            seed=80 + i,
        )
    nu, nv, wide, tall = 56, 30, 2.75, 1.7

    def paint(g):
        uv = g.add("ShaderNodeTexCoord").outputs["UV"]
        xyz = g.add("ShaderNodeSeparateXYZ", Vector=uv).outputs
        stripe = g.add("ShaderNodeTexWave", Vector=uv, Scale=0.8, bands_direction="Y")
        colour = g.ramp(stripe.outputs[1], [(0.47, (0.02, 0.22, 0.20)), (0.53, (0.88, 0.56, 0.07))])
        dx = g.math("MULTIPLY", g.math("SUBTRACT", xyz["X"], 0.4), wide / tall)
        dy = g.math("SUBTRACT", xyz["Y"], 0.5)
        far = g.math("SQRT", g.math("MULTIPLY_ADD", dx, dx, g.math("MULTIPLY", dy, dy)))
        disc = g.math("LESS_THAN", far, 0.27)
        colour = g.mix(disc, colour, (0.75, 0.08, 0.05))
        ring = g.math("LESS_THAN", far, 0.15)
        colour = g.mix(ring, colour, (0.9, 0.86, 0.74))
        noise = g.add("ShaderNodeTexNoise", Vector=uv, Scale=22.0, Detail=3.0)
        weave = g.ramp(noise.outputs[0], [(0.35, (0.72, 0.72, 0.72)), (0.65, (1, 1, 1))])
        return g.mix(1.0, colour, weave, "MULTIPLY"), None

    u, w = np.meshgrid(np.linspace(0, 1, nu), np.linspace(0, 1, nv))
    faces = [
        (j * nu + i, j * nu + i + 1, (j + 1) * nu + i + 1, (j + 1) * nu + i)
        for j in range(nv - 1)
        for i in range(nu - 1)
    ]
    cloth = K.mesh("flag", np.zeros((nu * nv, 3)), faces, K.material(paint, rough=0.8, sheen=0.3), smooth=True)
    layer = cloth.data.uv_layers.new(name="uv")
    loops = np.empty(len(cloth.data.loops), np.int32)
    cloth.data.loops.foreach_get("vertex_index", loops)
    layer.data.foreach_set("uv", np.stack([u.ravel(), w.ravel()], -1)[loops].ravel())

    def wave(frame, t):
        a = 2 * math.pi * (1.55 * u - 1.05 * t - 0.18 * w)
        b = 2 * math.pi * (2.7 * u - 1.75 * t + 0.3 * w)
        grow = u**0.75
        y = grow * (0.30 * np.sin(a) + 0.10 * np.sin(b + 1))
        x = -1.30 + wide * (u * 0.93) + grow * 0.05 * np.cos(2 * a)
        z = 1.35 + tall * w - 0.22 * u**1.5 + grow * (0.07 * np.sin(a - 1.2) + 0.03 * np.sin(b))
        points = np.stack([x, y, z], -1).astype(np.float32)
        cloth.data.vertices.foreach_set("co", points.ravel())
        cloth.data.update()

    K.camera(lambda t: (0.35 - 0.1 * t, -4.9, 1.35), (-0.02, 0, 1.75), lens=43)
    return scene, wave


SCENES = [toy_train, windmill, still_life, sailing_boat, flag]
