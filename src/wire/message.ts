/** Types and flags of a frame: docs/wire.md, "Types". */
export const MessageType = {
  controlNoop: 0x0001,
  controlError: 0x0002,
  controlDone: 0x0003,
  controlOverrun: 0x0004,
  controlHello: 0x0010,
  controlWelcome: 0x0011,
  eventSubscribe: 0x0101,
  eventSubscribed: 0x0102,
  eventBatch: 0x0103,
  eventAck: 0x0104,
  eventForget: 0x0105,
  eventErase: 0x0106,
  knobList: 0x0201,
  knobEntry: 0x0202,
  knobSet: 0x0203,
  knobChanged: 0x0204,
  serviceList: 0x0301,
  serviceEntry: 0x0302,
  serviceChange: 0x0303,
  serviceChanged: 0x0304,
  connList: 0x0401,
  connEntry: 0x0402,
  connExpire: 0x0403,
  connExpired: 0x0404,
  sourceStatus: 0x0501,
} as const;

export const FrameFlag = { request: 0x1, multi: 0x2, ack: 0x4, dump: 0x300 } as const;

/** The version of the protocol that we speak. */
export const PROTOCOL_VERSION = 1;
