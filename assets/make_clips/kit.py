"""Shared helpers of the clip scenes: materials, light, camera, meshes, render loop."""

import math
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("OIDN_SET_AFFINITY", "0")  # share the cores politely with other work

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

FPS = 25
WIDTH, HEIGHT = 320, 240


# ---------------------------------------------------------------- scene set-up
def reset(seconds=3.04, samples=4, blur=0.4, exposure=0.0, look="AgX - Medium High Contrast"):
    """Start an empty scene that renders with Cycles on the CPU; returns the scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.render.fps = FPS
    scene.render.use_persistent_data = True
    scene.render.use_motion_blur = blur > 0
    scene.render.motion_blur_shutter = max(blur, 0.01)
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 15
    scene.frame_start, scene.frame_end = 1, round(seconds * FPS)
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.seed = 1
    cycles.samples = samples
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.denoising_prefilter = "NONE"
    cycles.denoising_quality = "FAST"
    cycles.use_auto_tile = False
    cycles.max_bounces = 3
    cycles.diffuse_bounces = 1
    cycles.glossy_bounces = 2
    cycles.transmission_bounces = 2
    cycles.sample_clamp_indirect = 4.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = look
    scene.view_settings.exposure = exposure
    return scene


def frames(scene):
    """The (frame number, time in seconds) pairs of the clip."""
    return [(f, (f - 1) / FPS) for f in range(scene.frame_start, scene.frame_end + 1)]


def render(scene, out, on_frame=None, only=None):
    """Render every frame (or the frames in `only`, as PNG files next to `out`) and encode."""
    out = Path(out)
    folder = Path(tempfile.mkdtemp(prefix="clip-"))
    paths = []
    try:
        for frame in range(scene.frame_start, scene.frame_end + 1):
            scene.frame_set(frame)
            if on_frame:
                on_frame(frame, (frame - 1) / FPS)
            if only and frame not in only:
                continue
            path = folder / f"{frame:04d}.png"
            scene.render.filepath = str(path)
            with quiet():
                bpy.ops.render.render(write_still=True)
            paths.append(path)
        if only:
            for path in paths:
                shutil.copy(path, out.with_name(f"{out.stem}_{path.name}"))
        else:
            from PIL import Image

            encode((np.asarray(Image.open(p).convert("RGB")) for p in paths), out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def encode(images, out, crf=20, most=390 * 1024):
    """Write RGB uint8 images as an H.264 yuv420p mp4 that starts playing at once.

    Raises crf until the file has at most `most` bytes.
    """
    import av

    images = list(images)
    while True:
        with av.open(str(out), "w", options={"movflags": "+faststart"}) as box:
            stream = box.add_stream("libx264", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.options = {"crf": str(crf), "preset": "slower", "threads": "1"}
            for image in images:
                for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                    box.mux(packet)
            for packet in stream.encode():
                box.mux(packet)
        if Path(out).stat().st_size <= most or crf >= 32:
            return
        crf += 1


class quiet:
    """Keep Blender's per-frame chatter off the terminal."""

    def __enter__(self):
        self.saved = os.dup(1)
        self.null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(self.null, 1)

    def __exit__(self, *_):
        os.dup2(self.saved, 1)
        os.close(self.saved)
        os.close(self.null)


# ---------------------------------------------------------------- light and camera
def sky(
    zenith=(0.10, 0.28, 0.70),
    horizon=(0.62, 0.76, 0.92),
    clouds=0.6,
    strength=0.9,
    ground=(0.25, 0.27, 0.2),
    scale=2.0,
    drift=0.0,
):
    """A blue gradient with soft procedural clouds, drifting `drift` units a second."""
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.cycles.sampling_method = "NONE"
    tree = world.node_tree
    tree.nodes.clear()
    g = Graph(tree)
    direction = g.add("ShaderNodeTexCoord").outputs["Generated"]
    xyz = g.add("ShaderNodeSeparateXYZ", Vector=direction)
    up = g.ramp(xyz.outputs["Z"], [(0.0, horizon), (0.3, zenith)])
    mapping = g.add("ShaderNodeMapping", Vector=direction)
    mapping.inputs["Scale"].default_value = (1, 1, 2.6)
    if drift:
        place = mapping.inputs["Location"]
        for frame in (0, 1000):
            place.default_value = (drift * frame / FPS, 0, 0)
            place.keyframe_insert("default_value", frame=frame)
        linear(tree)
    noise = g.add("ShaderNodeTexNoise", Vector=mapping.outputs[0], Scale=scale, Detail=6.0, Roughness=0.55)
    mask = g.ramp(noise.outputs[0], [(0.47, (0, 0, 0)), (0.66, (clouds,) * 3)])
    colour = g.mix(mask, up, (0.97, 0.97, 0.98))
    below = g.math("LESS_THAN", xyz.outputs["Z"], -0.01)
    colour = g.mix(below, colour, ground)
    back = g.add("ShaderNodeBackground", Color=colour, Strength=strength)
    g.link(back.outputs[0], g.add("ShaderNodeOutputWorld").inputs[0])


def room_light(colour=(0.9, 0.93, 1.0), strength=0.35):
    """Even light from everywhere, for indoor scenes."""
    world = bpy.data.worlds.new("room")
    bpy.context.scene.world = world
    world.use_nodes = True
    back = world.node_tree.nodes["Background"]
    back.inputs[0].default_value = (*colour, 1)
    back.inputs[1].default_value = strength


def sun(elevation=45, azimuth=-50, strength=3.5, colour=(1, 0.93, 0.82), angle=4):
    """Sunlight; azimuth 0 shines along +y, away from a camera that looks along +y."""
    data = bpy.data.lights.new("sun", "SUN")
    data.energy, data.color, data.angle = strength, colour, math.radians(angle)
    obj = link(bpy.data.objects.new("sun", data))
    obj.rotation_euler = (math.radians(90 - elevation), 0, math.radians(azimuth))


def lamp(place, aim, power=100, size=1.5, colour=(1, 0.95, 0.88)):
    """A square soft-box."""
    data = bpy.data.lights.new("lamp", "AREA")
    data.energy, data.color, data.size = power, colour, size
    obj = link(bpy.data.objects.new("lamp", data))
    obj.matrix_world = look_at(place, aim)


def look_at(place, aim):
    place, aim = Vector(place), Vector(aim)
    turn = (aim - place).to_track_quat("-Z", "Y").to_matrix().to_4x4()
    return Matrix.Translation(place) @ turn


def camera(path, aim, lens=35, focus=None, fstop=2.8):
    """A camera; `path` and `aim` are points or functions of time in seconds."""
    scene = bpy.context.scene
    data = bpy.data.cameras.new("camera")
    data.lens = lens
    data.clip_end = 2000
    obj = link(bpy.data.objects.new("camera", data))
    scene.camera = obj
    if callable(path) or callable(aim):
        at = path if callable(path) else lambda t: path
        to = aim if callable(aim) else lambda t: aim
        animate(obj, [look_at(at(t), to(t)) for _, t in frames(scene)])
    else:
        obj.matrix_world = look_at(path, aim)
    if focus:
        data.dof.use_dof = True
        data.dof.focus_distance = focus
        data.dof.aperture_fstop = fstop
    return obj


# ---------------------------------------------------------------- animation
def linear(owner):
    """Straight-line interpolation for everything animated on `owner`."""
    action = owner.animation_data.action
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                for curve in bag.fcurves:
                    curve.extrapolation = "LINEAR"
                    for point in curve.keyframe_points:
                        point.interpolation = "LINEAR"


def animate(obj, matrices, start=1):
    """Key one 4x4 transform a frame (also before the first, for motion blur)."""
    obj.rotation_mode = "QUATERNION"
    last = None
    for i, matrix in enumerate(matrices):
        place, turn, _ = Matrix(matrix).decompose()
        if last is not None and last.dot(turn) < 0:
            turn = -turn
        last = turn
        obj.location, obj.rotation_quaternion = place, turn
        obj.keyframe_insert("location", frame=start + i)
        obj.keyframe_insert("rotation_quaternion", frame=start + i)
    linear(obj)


def pose_matrix(place, turn=(1, 0, 0, 0)):
    """Transform from a position and a quaternion (w, x, y, z)."""
    return Matrix.Translation(Vector(place)) @ Quaternion(turn).to_matrix().to_4x4()


# ---------------------------------------------------------------- materials
class Graph:
    """A few lines of sugar over a node tree."""

    def __init__(self, tree):
        self.tree = tree

    def link(self, source, target):
        self.tree.links.new(source, target)

    def add(self, kind, **values):
        node = self.tree.nodes.new(kind)
        for name, value in values.items():
            if name[0].islower():
                setattr(node, name, value)
                continue
            socket = node.inputs[name.replace("_", " ")]
            if isinstance(value, bpy.types.NodeSocket):
                self.link(value, socket)
            elif isinstance(value, tuple) and len(value) == 3 and socket.type == "RGBA":
                socket.default_value = (*value, 1)
            else:
                socket.default_value = value
        return node

    def ramp(self, factor, stops):
        node = self.add("ShaderNodeValToRGB", Fac=factor)
        points = node.color_ramp.elements
        while len(points) < len(stops):
            points.new(0.5)
        for point, (where, colour) in zip(points, stops):
            point.position = where
            point.color = (*colour, 1)
        return node.outputs[0]

    def mix(self, factor, a, b, blend="MIX"):
        node = self.add("ShaderNodeMix", data_type="RGBA", blend_type=blend)
        sockets = [node.inputs[i] for i in (0, 6, 7)]
        for socket, value in zip(sockets, (factor, a, b)):
            if isinstance(value, bpy.types.NodeSocket):
                self.link(value, socket)
            elif isinstance(value, tuple):
                socket.default_value = (*value, 1)
            else:
                socket.default_value = value
        return node.outputs[2]

    def math(self, operation, a, b=0.0, c=0.0):
        node = self.add("ShaderNodeMath", operation=operation)
        for socket, value in zip(node.inputs, (a, b, c)):
            if isinstance(value, bpy.types.NodeSocket):
                self.link(value, socket)
            else:
                socket.default_value = value
        return node.outputs[0]

    def coords(self, scale=(1, 1, 1), turn=(0, 0, 0), shift=(0, 0, 0)):
        where = self.add("ShaderNodeTexCoord").outputs["Object"]
        node = self.add("ShaderNodeMapping", Vector=where)
        node.inputs["Location"].default_value = shift
        node.inputs["Rotation"].default_value = [math.radians(a) for a in turn]
        node.inputs["Scale"].default_value = scale
        return node.outputs[0]


def material(paint, rough=0.6, metal=0.0, bump=0.0, coat=0.0, sheen=0.0):
    """A material; `paint(graph)` gives its colour, or (colour, height) to be bumped."""
    mat = bpy.data.materials.new("m")
    mat.use_nodes = True
    g = Graph(mat.node_tree)
    shader = mat.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = rough
    shader.inputs["Metallic"].default_value = metal
    shader.inputs["Coat Weight"].default_value = coat
    shader.inputs["Sheen Weight"].default_value = sheen
    if isinstance(paint, tuple):
        shader.inputs["Base Color"].default_value = (*paint, 1)
        return mat
    colour, height = paint(g)
    g.link(colour, shader.inputs["Base Color"])
    if bump and height:
        node = g.add("ShaderNodeBump", Strength=bump, Distance=0.05, Height=height)
        g.link(node.outputs[0], shader.inputs["Normal"])
    return mat


def speckled(a, b, scale=6.0, detail=5.0, c=None, sharp=0.12, **more):
    """Two (or three) colours in a noise pattern: soil, stone, cloth, plaster."""
    stops = [(0.5 - sharp, a), (0.5 + sharp, b)]
    if c:
        stops = [(0.5 - sharp, a), (0.5, b), (0.5 + sharp, c)]

    def paint(g):
        noise = g.add("ShaderNodeTexNoise", Vector=g.coords(), Scale=scale, Detail=detail, Roughness=0.62)
        return g.ramp(noise.outputs[0], stops), noise.outputs[0]

    return material(paint, **{"rough": 0.85, "bump": 0.4, **more})


def wood(dark=(0.16, 0.06, 0.02), light=(0.48, 0.24, 0.09), scale=1.5, turn=(0, 0, 0), planks=None, **more):
    """Grain along x; with planks=(length, width) also the gaps and tints of floor boards (xy)."""

    def paint(g):
        where = g.coords(scale=(0.12, 1, 1), turn=turn)
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=scale * 6, Detail=6.0, Roughness=0.65, Distortion=1.2)
        colour = g.ramp(noise.outputs[0], [(0.3, dark), (0.7, light)])
        if planks:
            brick = g.add(
                "ShaderNodeTexBrick",
                Vector=g.coords(turn=turn),
                Color1=(1.0, 1.0, 1.0),
                Color2=(0.55, 0.5, 0.48),
                Mortar=(0.12, 0.1, 0.1),
                Scale=1.0,
                Mortar_Size=planks[1] * 0.03,
                Brick_Width=planks[0],
                Row_Height=planks[1],
                Bias=-0.1,
            )
            colour = g.mix(1.0, colour, brick.outputs[0], "MULTIPLY")
        return colour, noise.outputs[0]

    return material(paint, **{"rough": 0.45, "bump": 0.15, **more})


def bricks(
    a=(0.42, 0.12, 0.07),
    b=(0.56, 0.25, 0.15),
    mortar=(0.55, 0.5, 0.44),
    width=0.5,
    height=0.2,
    turn=(90, 0, 0),
    gap=0.02,
    offset=0.5,
    **more,
):
    """Brickwork (offset 0.5) or tiles (offset 0); turn (90, 0, 0) is for a wall facing y."""

    def paint(g):
        where = g.coords(turn=turn)
        node = g.add(
            "ShaderNodeTexBrick",
            Vector=where,
            Color1=a,
            Color2=b,
            Mortar=mortar,
            Scale=1.0,
            Mortar_Size=gap,
            Brick_Width=width,
            Row_Height=height,
            offset=offset,
        )
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=7.0 / height / 4, Detail=5.0)
        dirt = g.ramp(noise.outputs[0], [(0.3, (0.5, 0.48, 0.46)), (0.65, (1.15, 1.12, 1.1))])
        return g.mix(0.9, node.outputs[0], dirt, "MULTIPLY"), node.outputs[1]

    return material(paint, **{"rough": 0.85, "bump": 0.0, **more})


def stripes(a, b, scale=4.0, turn=(0, 0, 0), soft=0.06, **more):
    """Painted stripes across x, with a little wear."""

    def paint(g):
        where = g.coords(turn=turn)
        wave = g.add("ShaderNodeTexWave", Vector=where, Scale=scale, Distortion=0.0)
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=14.0, Detail=5.0)
        colour = g.ramp(wave.outputs[1], [(0.5 - soft, a), (0.5 + soft, b)])
        wear = g.ramp(noise.outputs[0], [(0.35, (0.7, 0.7, 0.7)), (0.6, (1, 1, 1))])
        return g.mix(0.8, colour, wear, "MULTIPLY"), noise.outputs[0]

    return material(paint, **{"rough": 0.7, "bump": 0.15, **more})


def checks(a, b, scale=2.0, **more):
    """A chequered cloth or floor with woven noise in it."""

    def paint(g):
        where = g.coords()
        node = g.add("ShaderNodeTexChecker", Vector=where, Color1=a, Color2=b, Scale=scale)
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=scale * 6, Detail=4.0)
        wear = g.ramp(noise.outputs[0], [(0.3, (0.55, 0.55, 0.55)), (0.65, (1.1, 1.1, 1.1))])
        return g.mix(0.9, node.outputs[0], wear, "MULTIPLY"), noise.outputs[0]

    return material(paint, **{"rough": 0.8, "bump": 0.2, **more})


def carpet(colours, scale=3.0, **more):
    """Voronoi cells in a row of colours: a busy rug."""

    def paint(g):
        where = g.coords()
        cell = g.add("ShaderNodeTexVoronoi", Vector=where, Scale=scale)
        grey = g.add("ShaderNodeSeparateColor", Color=cell.outputs["Color"]).outputs[0]
        step = 1.0 / (len(colours) - 1)
        colour = g.ramp(grey, [(i * step, c) for i, c in enumerate(colours)])
        noise = g.add("ShaderNodeTexNoise", Vector=where, Scale=scale * 9, Detail=3.0)
        pile = g.ramp(noise.outputs[0], [(0.35, (0.6, 0.6, 0.6)), (0.65, (1.1, 1.1, 1.1))])
        return g.mix(1.0, colour, pile, "MULTIPLY"), noise.outputs[0]

    return material(paint, **{"rough": 0.95, "bump": 0.5, **more})


def grass_ground(**more):
    return speckled(
        (0.035, 0.075, 0.012),
        (0.11, 0.19, 0.03),
        scale=more.pop("scale", 1.2),
        c=(0.25, 0.30, 0.07),
        detail=8.0,
        sharp=0.2,
        **more,
    )


# ---------------------------------------------------------------- things
def link(obj):
    bpy.context.scene.collection.objects.link(obj)
    return obj


def mesh(name, vertices, faces, mat=None, smooth=False):
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(v) for v in vertices], [], [tuple(f) for f in faces])
    data.update()
    obj = link(bpy.data.objects.new(name, data))
    return dress(obj, mat, smooth)


def dress(obj, mat, smooth=False, bevel=0.0):
    if mat:
        obj.data.materials.append(mat)
    if bevel:
        mod = obj.modifiers.new("bevel", "BEVEL")
        mod.width, mod.segments, mod.limit_method = bevel, 2, "ANGLE"
    if smooth:
        obj.data.polygons.foreach_set("use_smooth", [True] * len(obj.data.polygons))
    return obj


def place(obj, at=(0, 0, 0), turn=(0, 0, 0), parent=None):
    obj.location = at
    obj.rotation_euler = [math.radians(a) for a in turn]
    if parent:
        obj.parent = parent
    return obj


def box(size, mat, at=(0, 0, 0), turn=(0, 0, 0), bevel=0.0, parent=None):
    x, y, z = (s / 2 for s in size)
    v = [(i, j, k) for i in (-x, x) for j in (-y, y) for k in (-z, z)]
    f = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return place(dress(mesh("box", v, f), mat, bevel=bevel), at, turn, parent)


def lathe(profile, mat, at=(0, 0, 0), turn=(0, 0, 0), sides=40, parent=None, smooth=True):
    """A surface of revolution about z from (radius, height) points."""
    v, f = [], []
    for r, z in profile:
        v += [(r * math.cos(a), r * math.sin(a), z) for a in (2 * math.pi * i / sides for i in range(sides))]
    for k in range(len(profile) - 1):
        for i in range(sides):
            j = (i + 1) % sides
            f.append((k * sides + i, k * sides + j, (k + 1) * sides + j, (k + 1) * sides + i))
    return place(mesh("lathe", v, f, mat, smooth), at, turn, parent)


def cylinder(radius, height, mat, at=(0, 0, 0), turn=(0, 0, 0), sides=32, parent=None, top=None):
    top = radius if top is None else top
    edge = 0.06 * min(radius, height)
    h = height / 2
    profile = [(0.0, -h), (radius - edge, -h), (radius, -h + edge), (top, h - edge), (max(top - edge, 0), h), (0.0, h)]
    obj = lathe(profile, mat, at, turn, sides, parent, smooth=True)
    mod = obj.modifiers.new("edge", "EDGE_SPLIT")
    mod.split_angle = math.radians(35)
    return obj


def ball(radius, mat, at=(0, 0, 0), turn=(0, 0, 0), sides=32, parent=None, squash=1.0):
    angles = [math.pi * i / (sides // 2) for i in range(sides // 2 + 1)]
    profile = [(radius * math.sin(a), -radius * squash * math.cos(a)) for a in angles]
    return lathe(profile, mat, at, turn, sides, parent)


def ground(size, mat, at=(0, 0, 0), cells=1, bumps=0.0, seed=0):
    """A square of ground, with gentle hills when bumps > 0."""
    n = cells + 1
    axis = np.linspace(-size / 2, size / 2, n)
    x, y = np.meshgrid(axis, axis)
    z = np.zeros_like(x)
    rng = np.random.default_rng(seed)
    for _ in range(6 if bumps else 0):
        k, phase = rng.normal(0, 9 / size, 2), rng.uniform(0, 6.28)
        z += bumps / 3 * np.sin(k[0] * x + k[1] * y + phase)
    v = np.stack([x, y, z], -1).reshape(-1, 3)
    f = [(j * n + i, j * n + i + 1, (j + 1) * n + i + 1, (j + 1) * n + i) for j in range(cells) for i in range(cells)]
    return place(mesh("ground", v, f, mat, smooth=bool(bumps)), at)


def grass(area, count, mat, height=0.1, seed=0, keep=None, width=0.012):
    """Blades of grass over area (x0, x1, y0, y1) as one mesh; keep(x, y) masks them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(area[0], area[1], count)
    y = rng.uniform(area[2], area[3], count)
    if keep:
        mask = keep(x, y)
        x, y = x[mask], y[mask]
    n = len(x)
    a = rng.uniform(0, 2 * np.pi, n)
    h = height * rng.uniform(0.5, 1.3, n)
    dx, dy = np.cos(a) * width, np.sin(a) * width
    lean = rng.normal(0, 0.35, (2, n)) * h
    v = np.stack(
        [
            np.stack([x - dx, y - dy, 0 * x], -1),
            np.stack([x + dx, y + dy, 0 * x], -1),
            np.stack([x + lean[0], y + lean[1], h], -1),
        ],
        1,
    ).reshape(-1, 3)
    return mesh("grass", v, np.arange(3 * n).reshape(-1, 3).tolist(), mat)


def grass_blades():
    return speckled((0.06, 0.12, 0.015), (0.18, 0.28, 0.04), c=(0.36, 0.40, 0.10), scale=2.0, sharp=0.2, bump=0)


def tree(at, height=2.0, leaves=(0.06, 0.16, 0.03), seed=0, parent=None, bark=None):
    """A lumpy leafy crown on a trunk."""
    rng = np.random.default_rng(seed)
    bark = bark or wood(scale=3, rough=0.9)
    cylinder(
        height * 0.05,
        height * 0.5,
        bark,
        Vector(at) + Vector((0, 0, height * 0.25)),
        sides=10,
        top=height * 0.035,
        parent=parent,
    )
    base = np.array(leaves)
    mat = speckled(
        tuple(base * 0.35),
        tuple(base),
        c=tuple(np.minimum(base * 2.4, 1)),
        scale=10 / height,
        detail=4,
        sharp=0.2,
        bump=0,
    )
    v, f = [], []
    leaves_at = []
    for _ in range(9):
        centre = rng.normal(0, 0.15, 3) * height + (0, 0, height * 0.7)
        radius = height * rng.uniform(0.14, 0.22)
        bv, bf = unit_ball(10)
        f += [tuple(i + len(v) for i in face) for face in bf]
        v += list(bv * radius * 0.85 + centre)
        way = rng.normal(size=(520, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        leaves_at.append(centre + way * radius * rng.uniform(0.85, 1.12, (520, 1)))
    spots = np.concatenate(leaves_at)
    corners = spots[:, None] + rng.normal(0, 0.017 * height, (len(spots), 3, 3))
    f += [(len(v) + 3 * i, len(v) + 3 * i + 1, len(v) + 3 * i + 2) for i in range(len(spots))]
    v += list(corners.reshape(-1, 3))
    return place(mesh("crown", v, f, mat), at, parent=parent)


def unit_ball(sides=16):
    """Points and faces of a sphere of radius 1."""
    v, f = [], []
    rings = sides // 2
    for k in range(rings + 1):
        a = math.pi * k / rings
        v += [
            (math.sin(a) * math.cos(b), math.sin(a) * math.sin(b), -math.cos(a))
            for b in (2 * math.pi * i / sides for i in range(sides))
        ]
    for k in range(rings):
        for i in range(sides):
            j = (i + 1) % sides
            f.append((k * sides + i, k * sides + j, (k + 1) * sides + j, (k + 1) * sides + i))
    return np.array(v), f


# ---------------------------------------------------------------- soft figures
class Flesh:
    """One smooth body part that follows a list of tapered capsules, set anew each frame.

    A voxel remesh melts the capsules together and a smoothing pass rounds the joins, so
    a handful of capsules looks like a sleeve, a pair of trousers or a horse.
    """

    def __init__(self, mat, voxel=0.022, smooth=6):
        self.mat, self.voxel, self.smooth, self.obj = mat, voxel, smooth, None
        self.unit, self.faces = unit_ball(16)

    def set(self, capsules):
        """capsules: (point a, radius a, point b, radius b)."""
        points = []
        for a, ra, b, rb in capsules:
            a, b = np.asarray(a, float), np.asarray(b, float)
            axis = b - a
            axis = axis / (np.linalg.norm(axis) + 1e-9)
            far = self.unit @ axis > 0
            points.append(np.where(far[:, None], b + self.unit * rb, a + self.unit * ra))
        points = np.concatenate(points)
        if self.obj is None:
            n = len(self.unit)
            faces = [tuple(i + k * n for i in face) for k in range(len(capsules)) for face in self.faces]
            self.obj = mesh("flesh", points, faces, self.mat, smooth=True)
            mod = self.obj.modifiers.new("melt", "REMESH")
            mod.mode, mod.voxel_size, mod.use_smooth_shade = "VOXEL", self.voxel, True
            mod = self.obj.modifiers.new("round", "SMOOTH")
            mod.iterations, mod.factor = self.smooth, 0.5
        else:
            self.obj.data.vertices.foreach_set("co", points.ravel().astype(np.float32))
            self.obj.data.update()
