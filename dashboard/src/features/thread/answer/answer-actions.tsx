import type { Message } from "@/api/models";
import { RegenerateButton } from "../branches/regenerate-button";
import { ForkButton } from "./fork-button";

/** The actions on an answer that create another answer or another chat. */
export function AnswerActions(props: {
  message: Message;
  canRegenerate: boolean;
  className: string;
}) {
  const { message, className } = props;
  return (
    <>
      {props.canRegenerate && <RegenerateButton message={message} className={className} />}
      <ForkButton message={message} className={className} />
    </>
  );
}
