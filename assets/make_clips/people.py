"""Soft figures moved by hand-keyed joint curves: a person and a horse."""

import math

import numpy as np

from . import kit as K

SKIN = (0.72, 0.42, 0.28)


def limb(start, length, pitch, roll=0.0, side=1):
    """End of a limb that hangs down, swung forward (+x) by pitch and outward by roll."""
    return np.asarray(start) + length * np.array(
        [math.sin(pitch), side * math.cos(pitch) * math.sin(roll), -math.cos(pitch) * math.cos(roll)]
    )


class Person:
    """A clothed figure about 1.75 m tall; faces +x, its left is +y."""

    def __init__(self, shirt, trousers, hair=(0.06, 0.03, 0.015), skin=SKIN, shoes=(0.8, 0.8, 0.78)):
        self.parts = {
            "skin": K.Flesh(
                K.speckled(tuple(0.85 * c for c in skin), skin, scale=8, bump=0, rough=0.6), voxel=0.02, smooth=4
            ),
            "shirt": K.Flesh(shirt),
            "trousers": K.Flesh(trousers),
            "shoes": K.Flesh(K.material(shoes, rough=0.5), voxel=0.02),
            "hair": K.Flesh(K.speckled(hair, tuple(2.5 * c for c in hair), scale=30, bump=0), voxel=0.02),
            "eyes": K.Flesh(K.material((0.02, 0.02, 0.03), rough=0.2), voxel=0.008, smooth=1),
        }

    def pose(
        self,
        at,
        yaw=0.0,
        lean=0.0,
        hop=0.0,
        arms=((0, 0.1, 0.2), (0, 0.1, 0.2)),
        legs=((0, 0.03, 0.05), (0, 0.03, 0.05)),
        twist=0.0,
    ):
        """arms: (pitch, roll, elbow) left then right; legs: (pitch, roll, knee)."""
        part = {name: [] for name in self.parts}
        c, s = math.cos(lean), math.sin(lean)
        tip = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])

        def up(x, y, z):  # a point of the upper body, bent about the hips
            return tip @ np.array([x, y, z])

        def turned(x, y, z, by):
            return up(x * math.cos(by) - y * math.sin(by), x * math.sin(by) + y * math.cos(by), z)

        low = 9.0
        for side, (pitch, roll, knee) in zip((1, -1), legs):
            hip = np.array([0.0, side * 0.09, -0.02])
            joint = limb(hip, 0.43, pitch, roll, side)
            ankle = limb(joint, 0.42, pitch - knee, roll, side)
            foot = max(min(0.45 * (pitch - knee), 0.5), -0.75)
            toe = ankle + 0.17 * np.array([math.cos(foot), side * 0.25, math.sin(foot)]) + (0, 0, -0.035)
            heel = ankle + (-0.04, 0, -0.035)
            part["trousers"] += [(hip, 0.098, joint, 0.068), (joint, 0.068, ankle, 0.058)]
            part["shoes"] += [(heel, 0.05, toe, 0.042), (ankle, 0.05, heel, 0.05)]
            low = min(low, toe[2] - 0.042, heel[2] - 0.05)
        part["trousers"] += [((0, 0.07, 0.03), 0.115, (0, -0.07, 0.03), 0.115)]
        for side in (1, -1):
            part["shirt"] += [(up(0, side * 0.06, 0.08), 0.115, turned(0, side * 0.1, 0.40, twist), 0.115)]
        part["shirt"] += [(turned(0, 0.15, 0.47, twist), 0.075, turned(0, -0.15, 0.47, twist), 0.075)]
        for side, (pitch, roll, elbow) in zip((1, -1), arms):
            shoulder = turned(0, side * 0.19, 0.465, twist)
            joint = limb(shoulder, 0.28, pitch, roll, side)
            hand = limb(joint, 0.25, pitch + elbow, roll, side)
            tips = limb(hand, 0.09, pitch + elbow, roll, side)
            sleeve = shoulder + 0.62 * (joint - shoulder)
            part["shirt"] += [(shoulder, 0.068, sleeve, 0.062)]
            part["skin"] += [(sleeve, 0.046, joint, 0.043), (joint, 0.043, hand, 0.034), (hand, 0.042, tips, 0.034)]
        head = up(0.02, 0, 0.73)
        part["skin"] += [
            (up(0, 0, 0.5), 0.052, up(0.01, 0, 0.62), 0.05),
            (head + (0.015, 0, -0.05), 0.085, head + (0, 0, 0.03), 0.105),
            (head + (0.1, 0, -0.03), 0.02, head + (0.115, 0, -0.035), 0.02),
        ]
        part["hair"] += [(head + (-0.035, 0, 0.0), 0.108, head + (-0.005, 0, 0.058), 0.108)]
        part["eyes"] += [(head + (0.095, y, 0.012), 0.014, head + (0.096, y, 0.02), 0.014) for y in (-0.042, 0.042)]
        c, s = math.cos(yaw), math.sin(yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        shift = np.array(at) + (0, 0, hop - low)
        for name, capsules in part.items():
            self.parts[name].set([(turn @ a + shift, ra, turn @ b + shift, rb) for a, ra, b, rb in capsules])


def gait(phase, swing=0.45):
    """Walking angles of one leg at a phase."""
    lift = max(0.0, math.cos(phase + 0.45))
    return swing * math.sin(phase) + 0.08, 0.02, 0.12 + 0.95 * lift**1.3


def walk():
    """A walker on a park path overtakes a camera that goes along."""
    scene = K.reset(blur=0.0)
    K.sky(drift=0.02)
    K.sun(elevation=38, azimuth=-35, strength=4)
    park(-6, 12)
    person = Person(
        K.stripes((0.75, 0.06, 0.05), (0.85, 0.8, 0.7), scale=7, turn=(0, 90, 0)),
        K.speckled((0.03, 0.06, 0.16), (0.07, 0.12, 0.28), scale=9, bump=0),
    )
    speed, rate = 1.35, 0.9
    K.camera(lambda t: (-0.1 + 0.45 * speed * t, -3.9, 1.25), lambda t: (0.05 + 0.46 * speed * t, 0, 0.93), lens=43)

    def pose(frame, t):
        a = 2 * math.pi * rate * t
        arms = [(0.5 * math.sin(b) + 0.05, 0.14, 0.45 + 0.25 * math.sin(b)) for b in (a + math.pi, a)]
        person.pose(
            (-1.05 + speed * t, 0, 0),
            lean=0.05,
            twist=-0.14 * math.sin(a),
            arms=arms,
            legs=[gait(a), gait(a + math.pi)],
        )

    return scene, pose


def park(x0, x1):
    """A path along x with lawn, fence, hedge, benches and trees behind it."""
    K.ground(200, K.grass_ground(scale=1.0), (0, 0, -0.02))
    length, mid = x1 - x0, (x0 + x1) / 2
    K.box(
        (length, 1.5, 0.04),
        K.bricks((0.45, 0.36, 0.28), (0.33, 0.27, 0.22), (0.2, 0.18, 0.15), 0.4, 0.2, turn=(0, 0, 0), gap=0.012),
        (mid, 0, -0.02),
    )
    K.grass((x0, x1, -2.2, 2.6), 26000, K.grass_blades(), 0.09, 1, keep=lambda x, y: abs(y) > 0.78, width=0.01)
    rail = K.wood((0.35, 0.2, 0.1), (0.6, 0.4, 0.22), rough=0.8)
    for z in (0.35, 0.7):
        K.box((length, 0.04, 0.09), rail, (mid, 1.6, z))
    for i in range(int(length / 1.2)):
        K.box((0.1, 0.1, 0.9), rail, (x0 + 1.2 * i, 1.64, 0.45))
    rng = np.random.default_rng(4)
    greens = [(0.08, 0.20, 0.03), (0.16, 0.22, 0.03), (0.34, 0.19, 0.03), (0.05, 0.15, 0.05), (0.4, 0.10, 0.04)]
    bark = K.wood(scale=3, rough=0.9)
    for i in range(int(length / 1.7)):
        K.tree(
            (x0 + 1.7 * i + rng.uniform(-0.4, 0.4), rng.uniform(3, 6.5), 0),
            rng.uniform(2.4, 3.6),
            greens[i % 5],
            seed=i,
            bark=bark,
        )
    flowers = [(0.8, 0.1, 0.1), (0.9, 0.6, 0.05), (0.75, 0.3, 0.7), (0.9, 0.85, 0.8)]
    for colour in flowers:
        petals = K.material(colour)
        x, y = rng.uniform(x0, x1, 60), rng.uniform(1.0, 2.4, 60)
        v, f = K.unit_ball(6)
        points = np.concatenate([v * 0.035 + (a, b, 0.09) for a, b in zip(x, y)])
        K.mesh("flowers", points, [tuple(k + n * len(v) for k in q) for n in range(60) for q in f], petals)


def jumping_jacks():
    """A gymnast in front of a painted brick wall."""
    scene = K.reset(blur=0.0)
    K.room_light(strength=0.55)
    K.lamp((-2.6, -3.2, 3.6), (0, 0, 1), power=190, size=2.0)
    K.lamp((3, -2, 2.5), (0, 0, 1), power=40, size=1.5, colour=(0.7, 0.82, 1))
    K.ground(14, K.wood((0.30, 0.14, 0.05), (0.60, 0.34, 0.15), planks=(1.6, 0.22)), (0, 0, 0))
    K.box(
        (12, 0.2, 5),
        K.bricks((0.20, 0.36, 0.40), (0.28, 0.45, 0.47), (0.45, 0.5, 0.48), 0.42, 0.16, gap=0.012),
        (0, 1.7, 2.5),
    )
    K.box((12, 0.05, 0.16), K.wood((0.2, 0.1, 0.05), (0.35, 0.2, 0.1)), (0, 1.58, 0.08))
    bars = K.wood((0.45, 0.22, 0.08), (0.7, 0.42, 0.18))
    for x in (-2.35, -1.15):
        K.box((0.09, 0.16, 2.7), bars, (x, 1.5, 1.35))
    for i in range(11):
        K.cylinder(0.03, 1.2, bars, (-1.75, 1.46, 0.3 + 0.23 * i), (0, 90, 0), sides=10)
    K.box((2.5, 1.5, 0.06), K.checks((0.10, 0.20, 0.50), (0.14, 0.26, 0.6), 9, rough=0.6), (0, 0, 0.03), bevel=0.02)
    K.ball(0.42, K.stripes((0.85, 0.25, 0.1), (0.9, 0.65, 0.15), 1.2, turn=(0, 90, 0), rough=0.4), (1.75, 0.95, 0.42))
    K.cylinder(0.17, 0.5, K.speckled((0.5, 0.06, 0.06), (0.7, 0.12, 0.08), bump=0), (1.1, 1.2, 0.25))
    person = Person(
        K.speckled((0.80, 0.46, 0.03), (0.98, 0.66, 0.08), scale=9, bump=0),
        K.speckled((0.05, 0.05, 0.09), (0.13, 0.13, 0.2), scale=12, bump=0),
        hair=(0.16, 0.06, 0.02),
        shoes=(0.8, 0.12, 0.1),
    )
    K.camera(lambda t: (0.5 - 0.25 * t, -4.35, 1.35), (0, 0, 1.12), lens=44)

    def pose(frame, t):
        a = 2 * math.pi * 0.72 * t
        out = 0.5 - 0.5 * math.cos(a)
        arm = 0.18 + 2.6 * out
        hop = 0.11 * math.sin(a) ** 2
        bend = 0.22 * math.cos(a) ** 4
        person.pose(
            (0, 0, 0.06),
            yaw=-math.pi / 2,
            hop=hop,
            lean=0.04,
            arms=[(0.06, arm, 0.22)] * 2,
            legs=[(bend / 2, 0.03 + 0.42 * out, bend)] * 2,
        )

    return scene, pose


class Horse:
    """A bay horse; trots along +x."""

    def __init__(self):
        coat, dark = (0.36, 0.13, 0.04), (0.03, 0.018, 0.012)
        self.coat = K.Flesh(
            K.speckled(tuple(0.55 * c for c in coat), coat, scale=2.2, sharp=0.2, bump=0, rough=0.45),
            voxel=0.03,
            smooth=6,
        )
        self.dark = K.Flesh(K.speckled(dark, (0.08, 0.05, 0.03), scale=12, bump=0, rough=0.6), voxel=0.025, smooth=3)

    def pose(self, x, phase, z=0.0):
        coat, dark = [], []

        def p(*xyz):
            return np.array(xyz, float)

        nod = 0.035 * math.sin(2 * phase + 0.6)
        coat += [
            (p(-0.5, 0, 1.22), 0.30, p(0.0, 0, 1.17), 0.29),
            (p(0, 0, 1.17), 0.29, p(0.48, 0, 1.2), 0.29),
            (p(-0.62, 0, 1.3), 0.22, p(-0.45, 0, 1.3), 0.23),
        ]
        poll = p(1.05, 0, 1.93 + nod)
        nose = p(1.36, 0, 1.60 + 1.2 * nod)
        coat += [
            (p(0.5, 0, 1.3), 0.25, p(0.8, 0, 1.62 + nod / 2), 0.165),
            (p(0.8, 0, 1.62 + nod / 2), 0.165, poll, 0.115),
            (poll + (0.03, 0, -0.02), 0.125, nose, 0.075),
        ]
        for side in (1, -1):
            ear = poll + (-0.03, side * 0.06, 0.1)
            coat += [(ear, 0.04, ear + (0.01, side * 0.02, 0.11), 0.02)]
            dark += [(poll + (0.10, side * 0.115, -0.06), 0.024, poll + (0.11, side * 0.115, -0.06), 0.024)]
        for i in range(7):  # mane
            k = i / 6
            root = p(0.42, 0, 1.5) * (1 - k) + (poll + (-0.08, 0, 0.1)) * k
            flow = 0.05 * math.sin(2 * phase - 3 * k)
            dark += [(root, 0.055, root + (-0.13 - flow, 0, -0.12 + flow), 0.035)]
        dark += [(poll + (0.02, 0, 0.12), 0.05, poll + (0.14, 0, 0.03), 0.03)]
        tail = [p(-0.82, 0, 1.42)]
        for i in range(4):
            swing = 0.55 - 0.16 * i + 0.16 * math.sin(2 * phase - 0.7 * i)
            side = 0.12 * math.sin(phase - 0.6 * i)
            tail.append(tail[-1] + 0.24 * p(-math.sin(swing), side, -math.cos(swing)))
        for i in range(4):
            dark.append((tail[i], 0.05 + 0.018 * min(i, 2), tail[i + 1], 0.03 if i == 3 else 0.075))
        for side in (1, -1):
            for hind in (False, True):
                a = phase + (0 if (side > 0) != hind else math.pi)
                lift = max(0.0, math.cos(a + 0.35)) ** 1.2
                swing = math.sin(a)
                if hind:
                    hip = p(-0.56, side * 0.15, 1.22)
                    one = limb(hip, 0.42, 0.22 + 0.34 * swing + 0.25 * lift)
                    two = limb(one, 0.40, -0.42 + 0.38 * swing - 0.45 * lift)
                    three = limb(two, 0.40, 0.05 + 0.42 * swing - 0.55 * lift)
                    radii = (0.17, 0.10, 0.058, 0.05)
                else:
                    hip = p(0.45, side * 0.15, 1.16)
                    one = limb(hip, 0.32, -0.12 + 0.3 * swing + 0.3 * lift)
                    two = limb(one, 0.38, 0.06 + 0.45 * swing + 0.45 * lift)
                    three = limb(two, 0.37, 0.02 + 0.45 * swing - 1.05 * lift)
                    radii = (0.15, 0.095, 0.06, 0.048)
                coat += [(hip, radii[0], one, radii[1]), (one, radii[1], two, radii[2])]
                sock = two * 0.75 + three * 0.25
                coat += [(two, radii[2], sock, radii[3])]
                dark += [(sock, radii[3], three, radii[3]), (three, radii[3], three + (0.05, 0, -0.07), 0.062)]
        bob = p(x, 0, z + 0.045 * abs(math.sin(phase)) + 0.05)
        for flesh, capsules in ((self.coat, coat), (self.dark, dark)):
            flesh.set([(a + bob, ra, b + bob, rb) for a, ra, b, rb in capsules])


def horse_trot():
    """A horse trots past a paddock fence; the camera follows."""
    scene = K.reset(blur=0.0)
    K.sky(zenith=(0.12, 0.26, 0.6), horizon=(0.85, 0.82, 0.75), drift=0.02, clouds=0.75)
    K.sun(elevation=30, azimuth=-40, strength=4, colour=(1, 0.86, 0.66))
    K.ground(300, K.grass_ground(scale=0.6))
    K.box(
        (40, 2.4, 0.02),
        K.speckled((0.26, 0.16, 0.08), (0.42, 0.29, 0.17), scale=2.5, detail=8, c=(0.52, 0.4, 0.26), sharp=0.2),
        (6, 0, 0),
    )
    K.grass((-5, 16, -2.6, 4), 34000, K.grass_blades(), 0.14, 2, keep=lambda x, y: abs(y) > 1.15, width=0.014)
    white = K.speckled((0.55, 0.53, 0.48), (0.8, 0.78, 0.72), scale=3, bump=0)
    for z in (0.5, 0.95, 1.35):
        K.box((40, 0.05, 0.13), white, (6, 1.95, z))
    for i in range(22):
        K.box((0.13, 0.13, 1.55), white, (-6 + 1.9 * i, 2.0, 0.77))
    rng = np.random.default_rng(8)
    greens = [(0.08, 0.18, 0.03), (0.2, 0.22, 0.04), (0.05, 0.14, 0.05), (0.3, 0.2, 0.04)]
    for i in range(16):
        K.tree(
            (-9 + 2.6 * i + rng.uniform(-1, 1), rng.uniform(9, 17), -0.1),
            rng.uniform(4, 6.5),
            greens[i % 4],
            seed=20 + i,
        )
    horse = Horse()
    speed = 1.9
    K.camera(lambda t: (0.0 + 0.62 * speed * t, -5.6, 1.55), lambda t: (0.1 + 0.62 * speed * t, 0, 1.1), lens=41)

    def pose(frame, t):
        horse.pose(-1.15 + speed * t, 2 * math.pi * 1.12 * t)

    return scene, pose


SCENES = [jumping_jacks, walk, horse_trot]
