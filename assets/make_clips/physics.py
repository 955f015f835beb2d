"""Scenes whose motion comes from MuJoCo: the bodies are simulated, then copied to Blender."""

import math

import mujoco
import numpy as np

from . import kit as K


def simulate(scene, xml, start=None, slow=1.0):
    """Run the model for the clip's length; returns {body name: list of 4x4 transforms}."""
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    if start:
        start(model, data)
    mujoco.mj_forward(model, data)
    names = [model.body(i).name for i in range(1, model.nbody)]
    paths = {name: [] for name in names}
    for _, t in K.frames(scene):
        while data.time < t * slow - 1e-9:
            mujoco.mj_step(model, data)
        for name in names:
            body = data.body(name)
            paths[name].append(K.pose_matrix(body.xpos, body.xquat))
    return paths


HEAD = """<mujoco><option timestep="0.002" integrator="implicitfast" gravity="0 0 {g}"/>
<default><geom friction="{f} 0.01 0.001" condim="4"/></default><worldbody>
<geom type="plane" size="50 50 1" {floor}/>"""
TAIL = "</worldbody></mujoco>"


def basketball(colour=(0.78, 0.26, 0.05), line=(0.03, 0.02, 0.02)):
    """A ball with two great-circle seams and two curved ones."""

    def paint(g):
        where = g.coords()
        xyz = g.add("ShaderNodeSeparateXYZ", Vector=where).outputs
        near = [g.math("ABSOLUTE", xyz["X"]), g.math("ABSOLUTE", xyz["Z"])]
        bend = g.math("MULTIPLY", xyz["Z"], 0.9)
        bow = g.math("ABSOLUTE", g.math("SUBTRACT", g.math("ABSOLUTE", xyz["Y"]), 0.10))
        near.append(g.math("ABSOLUTE", g.math("SUBTRACT", bow, g.math("ABSOLUTE", bend))))
        least = g.math("MINIMUM", g.math("MINIMUM", near[0], near[1]), near[2])
        seam = g.math("LESS_THAN", least, 0.011)
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=14.0, Detail=3.0)
        skin = g.ramp(noise.outputs[0], [(0.3, tuple(0.7 * c for c in colour)), (0.7, colour)])
        return g.mix(seam, skin, line), noise.outputs[0]

    return K.material(paint, rough=0.5, bump=0.1)


def basketballs():
    """Balls bounce and roll behind and in front of two pillars."""
    scene = K.reset()
    K.room_light(strength=0.5)
    K.lamp((-3, -3, 4.5), (0, 0.5, 0.5), power=380, size=2)
    K.lamp((3.5, -2.5, 3), (0, 0.5, 0.6), power=60, size=2, colour=(0.75, 0.85, 1))
    K.ground(20, K.wood((0.36, 0.17, 0.06), (0.66, 0.38, 0.17), planks=(1.4, 0.17)))
    K.box((12, 0.2, 6), K.bricks((0.40, 0.13, 0.08), (0.52, 0.22, 0.13), (0.5, 0.45, 0.4), 0.42, 0.16), (0, 2.3, 3))
    K.box((12, 0.06, 0.18), K.wood((0.1, 0.05, 0.03), (0.2, 0.1, 0.06)), (0, 2.18, 0.09))
    marble = K.speckled(
        (0.28, 0.32, 0.30), (0.55, 0.58, 0.52), scale=3, c=(0.72, 0.72, 0.66), bump=0, rough=0.4, sharp=0.15
    )
    for x in (-0.8, 0.85):
        K.cylinder(0.19, 4, marble, (x, 0, 2))
        K.box((0.56, 0.56, 0.14), marble, (x, 0, 0.07), bevel=0.03)
    balls = [
        ("a", 0.24, (-2.3, 0.65, 1.5), (1.75, 0.0, 0.6), basketball()),
        ("b", 0.24, (2.4, 1.15, 1.1), (-1.6, -0.05, 1.6), basketball((0.10, 0.25, 0.60), (0.85, 0.8, 0.7))),
        ("c", 0.21, (2.1, -0.55, 0.9), (-1.35, 0.0, 0.9), basketball((0.75, 0.6, 0.08), (0.1, 0.2, 0.5))),
        ("d", 0.19, (-1.7, -0.85, 0.19), (1.0, 0.05, 0.0), basketball((0.16, 0.42, 0.14), (0.85, 0.85, 0.75))),
    ]
    bouncy = 'solref="-9000 -4"'
    xml = HEAD.format(g=-9.81, f=0.6, floor=bouncy)
    for x in (-0.8, 0.85):
        xml += f'<geom type="cylinder" pos="{x} 0 2" size="0.19 2" {bouncy}/>'
        xml += f'<geom type="box" pos="{x} 0 0.07" size="0.28 0.28 0.07" {bouncy}/>'
    xml += f'<geom type="plane" pos="-2.75 0 0" zaxis="1 0 0" size="9 9 1" {bouncy}/>'
    xml += f'<geom type="plane" pos="2.75 0 0" zaxis="-1 0 0" size="9 9 1" {bouncy}/>'
    xml += f'<geom type="plane" pos="0 2.2 0" zaxis="0 -1 0" size="9 9 1" {bouncy}/>'
    for name, r, at, _, _ in balls:
        xml += (
            f'<body name="{name}" pos="{at[0]} {at[1]} {at[2]}"><freejoint name="{name}"/>'
            f'<geom type="sphere" size="{r}" mass="0.6" {bouncy}/></body>'
        )

    def start(model, data):
        for name, r, _, v, _ in balls:
            data.joint(name).qvel[:] = (*v, 2.0, v[0] / r, 0.5)

    paths = simulate(scene, xml + TAIL, start, slow=0.85)
    for name, r, _, _, mat in balls:
        K.animate(K.ball(r, mat), paths[name])
    K.camera(lambda t: (-0.22 + 0.12 * t, -5.0, 1.55), (0, 0.5, 1.0), lens=40)
    return scene, None


def dominoes():
    """A snake of coloured dominoes falls; the camera follows the wave."""
    scene = K.reset()
    K.room_light(strength=0.5, colour=(1, 0.95, 0.88))
    K.lamp((-3, -2.5, 4.5), (0, 0, 0), power=380, size=1.6)
    K.lamp((4, 2, 3), (0, 0, 0), power=80, size=2, colour=(0.75, 0.85, 1))
    K.ground(
        24,
        K.carpet(
            [(0.16, 0.13, 0.12), (0.26, 0.18, 0.12), (0.13, 0.15, 0.20), (0.34, 0.27, 0.18), (0.22, 0.12, 0.10)],
            scale=4.0,
        ),
    )
    shelf(3.3)
    x = np.linspace(-3.0, 3.0, 4000)
    y = 0.75 * np.sin(1.9 * x)
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    count = int(along[-1] / 0.24)
    xs, ys = (np.interp(np.arange(count) * 0.24, along, c) for c in (x, y))
    turn = np.arctan2(np.gradient(ys), np.gradient(xs))
    size = (0.085, 0.34, 0.66)
    half = " ".join(str(s / 2) for s in size)
    xml = HEAD.format(g=-9.81, f=0.45, floor="")
    for i in range(count):
        xml += (
            f'<body name="d{i}" pos="{xs[i]} {ys[i]} {size[2] / 2}" '
            f'euler="0 0 {math.degrees(turn[i])}"><freejoint name="d{i}"/>'
            f'<geom type="box" size="{half}" mass="0.2"/></body>'
        )

    def start(model, data):
        data.joint("d0").qvel[3:] = 4.2 * np.array([0, 1, 0])

    paths = simulate(scene, xml + TAIL, start, slow=1.12)
    import colorsys

    for i in range(count):
        c = np.array(colorsys.hsv_to_rgb(0.95 * i / count, 0.85, 0.75)) ** 2.0
        mat = K.speckled(tuple(0.75 * c + 0.01), tuple(c + 0.02), scale=9, bump=0, rough=0.35)
        block = K.box(size, mat, bevel=0.012)
        K.animate(block, paths[f"d{i}"])
    K.camera(lambda t: (-1.9 + 0.75 * t, -4.1, 2.5), lambda t: (-1.15 + 0.75 * t, 0.1, 0.25), lens=32)
    return scene, None


def shelf(y):
    """A wall with paper, and a long low shelf of books along it."""
    K.box((16, 0.2, 6), K.stripes((0.32, 0.40, 0.34), (0.42, 0.48, 0.38), scale=1.6), (0, y + 0.6, 3))
    board = K.wood((0.2, 0.09, 0.03), (0.42, 0.22, 0.09))
    for z in (0.08, 1.0):
        K.box((12, 0.55, 0.08), board, (0, y + 0.2, z))
    rng = np.random.default_rng(3)
    spines = [
        K.speckled(tuple(0.6 * c for c in colour), colour, scale=6, bump=0)
        for colour in [
            (0.45, 0.08, 0.06),
            (0.06, 0.16, 0.34),
            (0.10, 0.28, 0.14),
            (0.55, 0.40, 0.16),
            (0.5, 0.46, 0.38),
            (0.24, 0.08, 0.22),
        ]
    ]
    x = -5.8
    while x < 5.8:
        wide, tall = rng.uniform(0.09, 0.2), rng.uniform(0.55, 0.8)
        K.box((wide, 0.4, tall), spines[rng.integers(6)], (x + wide / 2, y + 0.2, 0.12 + tall / 2), bevel=0.01)
        x += wide + 0.006


def wrecking_ball():
    """A swinging iron ball goes through a tower of blocks."""
    scene = K.reset()
    K.sky(drift=0.02, clouds=0.7)
    K.sun(elevation=42, azimuth=-38, strength=3.8)
    K.ground(300, K.grass_ground(scale=0.5), (0, 0, -0.03))
    K.box(
        (12, 6, 0.05),
        K.bricks((0.32, 0.29, 0.26), (0.42, 0.38, 0.33), (0.2, 0.19, 0.17), 0.5, 0.5, turn=(0, 0, 0), offset=0.5),
        (0, 0, -0.025),
    )
    K.grass((-9, 9, 3.0, 5.5), 14000, K.grass_blades(), 0.22, 3, width=0.02)
    K.box((24, 0.3, 1.1), K.bricks((0.45, 0.36, 0.26), (0.55, 0.46, 0.34), (0.35, 0.3, 0.25), 0.6, 0.22), (0, 5.6, 0.5))
    greens = [(0.08, 0.18, 0.03), (0.2, 0.2, 0.04), (0.06, 0.15, 0.05), (0.32, 0.17, 0.04)]
    for i in range(9):
        K.tree((-11 + 2.7 * i, 8 + (i * 7 % 3), 0), 4 + (i * 5 % 4) * 0.5, greens[i % 4], seed=i)
    size = (0.62, 0.62, 0.36)
    half = " ".join(str(s / 2 - 0.004) for s in size)
    colours = [(0.60, 0.10, 0.06), (0.08, 0.24, 0.50), (0.70, 0.44, 0.05), (0.12, 0.36, 0.14), (0.62, 0.55, 0.44)]
    mats = [K.wood(tuple(0.55 * c for c in colour), colour, scale=1.6, rough=0.6) for colour in colours]
    xml = HEAD.format(g=-9.81, f=0.7, floor="")
    blocks = []
    for row in range(7):
        for col in range(3 if row % 2 == 0 else 2):
            x = 0.63 * (col - (1 if row % 2 == 0 else 0.5)) + 0.5
            blocks.append((f"b{len(blocks)}", (x, 0.0, size[2] * (row + 0.5)), (row + 2 * col) % 5))
    for name, at, _ in blocks:
        xml += (
            f'<body name="{name}" pos="{at[0]} {at[1]} {at[2]}"><freejoint/>'
            f'<geom type="box" size="{half}" mass="2"/></body>'
        )
    top, cord, r = (0.0, 0.0, 5.2), 4.1, 0.48
    xml += (
        f'<body name="arm" pos="{top[0]} {top[1]} {top[2]}"><joint name="arm" axis="0 1 0"/>'
        f'<geom type="sphere" pos="0 0 {-cord}" size="{r}" mass="160"/></body>'
    )

    def start(model, data):
        data.joint("arm").qpos[0] = math.radians(38)
        data.joint("arm").qvel[0] = -1.6

    paths = simulate(scene, xml + TAIL, start, slow=0.56)
    for name, _, i in blocks:
        K.animate(K.box(size, mats[i], bevel=0.025), paths[name])
    iron = K.speckled(
        (0.05, 0.05, 0.055), (0.14, 0.13, 0.13), scale=5, c=(0.25, 0.14, 0.08), bump=0.2, rough=0.4, metal=0.3
    )
    arm = K.cylinder(0.03, cord, iron, sides=10)
    shift = K.Matrix.Translation((0, 0, -cord / 2))
    K.animate(arm, [m @ shift for m in paths["arm"]])
    K.ball(r, iron, (0, 0, -cord / 2), parent=arm)
    K.cylinder(0.12, 0.2, iron, (0, 0, -cord / 2 + r), parent=arm, sides=12)
    K.camera(lambda t: (0.5 - 0.22 * t, -6.6, 1.6), lambda t: (0.15 + 0.05 * t, 0, 1.35), lens=37)
    return scene, None


SCENES = [basketballs, dominoes, wrecking_ball]
